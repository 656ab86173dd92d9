#pragma once

#include "socket/netlink_socket.h"
#include "socket/session.h"

namespace hawser::genetlink {

/** The controller of generic netlink: which families the kernel has. */
class GenericSession final : public Session {
 public:
  /** Methods, as src/native/generic.ts numbers them. `resolve` takes the family's name as a string. */
  enum Method : uint8_t { families = 1, resolve = 2 };

  static Result<std::unique_ptr<Session>> open(std::shared_ptr<Counters> counters);
  Outcome handle(const Request& request) override;

 private:
  explicit GenericSession(NetlinkSocket socket) : socket_(std::move(socket)) {}
  Outcome listFamilies();

  NetlinkSocket socket_;
};

}  // namespace hawser::genetlink
