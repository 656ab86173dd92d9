#include "rtnetlink/change_run.h"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>

#include "rtnetlink/address.h"
#include "rtnetlink/route.h"

namespace hawser::rtnetlink {
namespace {

/** Bounds the refusals that can be waiting in the receive buffer at once (about 1 KiB each). */
constexpr size_t kBatchMessages = 1024;
/** Far below the usual limit of 1,024 open files. */
constexpr size_t kOpenNamespaces = 64;

/** Bits of the flags byte of addLink and setLink: what of the optional fields is meant. */
enum LinkFields : uint8_t { kUp = 1, kDown = 2, kMtu = 4, kMaster = 8 };

}  // namespace

Outcome ChangeRun::run(std::span<const uint8_t> bytes) {
  ProgramReader program(bytes);
  for (; !program.done() && broken_.number == 0; operation_++) {
    const auto code = static_cast<ChangeCode>(program.u8());
    auto written = change(code, program);
    if (program.failed())
      return {.reply = {},
              .error = Error{EINVAL, "the change program ends early", kMalformedProgram},
              .failures = {}};
    if (!written) {
      if (!written.error().code.empty()) return {.reply = {}, .error = written.error(), .failures = {}};
      failures_.push_back(
          {.operation = operation_, .number = written.error().number, .message = written.error().message});
    }
    if (batch_.messages() >= kBatchMessages || namespaces_.size() >= kOpenNamespaces) (void)flush();
  }
  if (auto flushed = flush(); !flushed) return {.reply = {}, .error = flushed.error(), .failures = {}};
  // Refusals of the kernel come in when their batch is sent, own ones at once.
  std::stable_sort(failures_.begin(), failures_.end(),
                   [](const Failure& a, const Failure& b) { return a.operation < b.operation; });
  return {.reply = {}, .error = {}, .failures = std::move(failures_)};
}

Result<> ChangeRun::change(ChangeCode code, ProgramReader& program) {
  switch (code) {
    case ChangeCode::addLink:
      return addLink(program);
    case ChangeCode::setLink:
      return setLink(program);
    case ChangeCode::deleteLink:
      return deleteLink(program);
    case ChangeCode::addAddress:
    case ChangeCode::deleteAddress:
      return changeAddress(code, program);
    case ChangeCode::addRoute:
    case ChangeCode::replaceRoute:
    case ChangeCode::deleteRoute:
      return changeRoute(code, program);
  }
  return Error{EINVAL, "the change program has an unknown operation", kMalformedProgram};
}

Result<> ChangeRun::addLink(ProgramReader& program) {
  NewLink link{.name = program.string(), .kind = static_cast<LinkKind>(program.u8())};
  link.up = program.u8() & kUp;
  link.peer = program.string();
  auto netns = namespaceAt(program.string());
  if (!netns) return netns.error();
  link.peerNetns = *netns;
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  writeNewLink(batch_.writer(), link);
  batch_.end();
  return Unit{};
}

Result<> ChangeRun::setLink(ProgramReader& program) {
  LinkChange change{.name = program.string()};
  const uint8_t fields = program.u8();
  if (fields & (kUp | kDown)) change.up = (fields & kUp) != 0;
  const uint32_t mtu = program.u32();
  if (fields & kMtu) change.mtu = mtu;
  const auto master = program.string();
  const auto path = program.string();
  if (fields & kMaster) {
    auto index = master.empty() ? Result<uint32_t>(0U) : indexOf(master);
    if (!index) return index.error();
    change.master = *index;
  }
  auto netns = namespaceAt(path);
  if (!netns) return netns.error();
  change.netns = *netns;
  begin(RTM_NEWLINK, 0);
  writeLinkChange(batch_.writer(), change);
  batch_.end();
  if (change.netns >= 0) indexes_.erase(std::string(change.name));
  return Unit{};
}

Result<> ChangeRun::deleteLink(ProgramReader& program) {
  const auto name = program.string();
  begin(RTM_DELLINK, 0);
  writeLinkName(batch_.writer(), name);
  batch_.end();
  // A veth's peer goes with it: what a name stands for is to be asked anew.
  indexes_.clear();
  return Unit{};
}

Result<> ChangeRun::changeAddress(ChangeCode code, ProgramReader& program) {
  const auto link = program.string();
  InterfaceAddress address{.link = 0, .address = program.blob(), .prefix = program.u8()};
  address.withoutDetection = program.u8() != 0;
  auto index = indexOf(link);
  if (!index) return index.error();
  address.link = *index;
  if (code == ChangeCode::addAddress)
    begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  else
    begin(RTM_DELADDR, 0);
  writeAddress(batch_.writer(), address);
  batch_.end();
  return Unit{};
}

Result<> ChangeRun::changeRoute(ChangeCode code, ProgramReader& program) {
  Route route{.family = program.u8(), .destination = program.blob(), .prefix = program.u8()};
  route.gateway = program.blob();
  route.source = program.blob();
  route.table = program.u32();
  route.metric = program.u32();
  route.type = program.u8();
  const auto link = program.string();
  if (!link.empty()) {
    auto index = indexOf(link);
    if (!index) return index.error();
    route.link = *index;
  }
  if (code == ChangeCode::deleteRoute) {
    begin(RTM_DELROUTE, 0);
    writeDeleteRoute(batch_.writer(), route);
  } else {
    begin(RTM_NEWROUTE, NLM_F_CREATE | (code == ChangeCode::replaceRoute ? NLM_F_REPLACE : NLM_F_EXCL));
    writeNewRoute(batch_.writer(), route);
  }
  batch_.end();
  return Unit{};
}

Result<uint32_t> ChangeRun::indexOf(std::string_view name) {
  if (const auto known = indexes_.find(name); known != indexes_.end()) return known->second;
  if (auto flushed = flush(); !flushed) return flushed.error();
  const std::string terminated(name);
  const uint32_t index = ::if_nametoindex(terminated.c_str());
  if (index == 0) return Error{errno, "no interface is named " + terminated};
  indexes_.emplace(terminated, index);
  return index;
}

Result<int> ChangeRun::namespaceAt(std::string_view path) {
  if (path.empty()) return -1;
  const std::string terminated(path);
  Descriptor file(::open(terminated.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return Error{errno, "cannot open the network namespace " + terminated};
  namespaces_.push_back(std::move(file));
  return namespaces_.back().get();
}

Result<> ChangeRun::flush() {
  if (broken_.number != 0) return broken_;
  batch_.acknowledgeLast();
  auto refusals = batch_.exchange();
  if (!refusals) {
    broken_ = refusals.error();
    return broken_;
  }
  for (const auto& refusal : *refusals) failures_.push_back(batch_.failure(refusal));
  batch_.clear();
  namespaces_.clear();
  return Unit{};
}

}  // namespace hawser::rtnetlink
