#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "codec/program_reader.h"
#include "rtnetlink/link.h"
#include "socket/batch.h"
#include "socket/descriptor.h"

namespace hawser::rtnetlink {

/** Operation codes of a change program; src/native/route-transaction.ts writes them. */
enum class ChangeCode : uint8_t {
  addLink = 1,
  setLink = 2,
  deleteLink = 3,
  addAddress = 4,
  deleteAddress = 5,
  addRoute = 6,
  replaceRoute = 7,
  deleteRoute = 8,
};

/**
 * Runs a program of changes: in order, each tried whatever became of the others, as few system calls as their
 * order allows. The kernel knows interfaces by index, so an interface is looked up by name when first named,
 * after the changes before it are in force: it may be one of theirs.
 */
class ChangeRun {
 public:
  explicit ChangeRun(NetlinkSocket& socket) : batch_(socket) {}
  Outcome run(std::span<const uint8_t> program);

 private:
  Result<> change(ChangeCode code, ProgramReader& program);
  Result<> addLink(ProgramReader& program);
  Result<> setLink(ProgramReader& program);
  Result<> deleteLink(ProgramReader& program);
  Result<> changeAddress(ChangeCode code, ProgramReader& program);
  Result<> changeRoute(ChangeCode code, ProgramReader& program);

  void begin(uint16_t type, uint16_t flags) { batch_.begin(type, flags, operation_); }
  /** The index of an interface by name; sends what is pending when the name is new. */
  Result<uint32_t> indexOf(std::string_view name);
  /** A descriptor of the namespace at `path`, held until the request is sent; -1 for an empty path. */
  Result<int> namespaceAt(std::string_view path);
  Result<> flush();

  Batch batch_;
  int32_t operation_ = 0;
  std::map<std::string, uint32_t, std::less<>> indexes_;
  std::vector<Descriptor> namespaces_;
  std::vector<Failure> failures_;
  /** Set when the socket itself failed: nothing more can be sent. */
  Error broken_;
};

}  // namespace hawser::rtnetlink
