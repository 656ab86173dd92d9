#pragma once

#include "socket/netlink_socket.h"
#include "socket/session.h"

namespace hawser::rtnetlink {

/** Links, addresses and routes of a network namespace. */
class RouteSession final : public Session {
 public:
  /** Methods, as src/native/route.ts numbers them. `routes` takes u8 family; `apply` a change program. */
  enum Method : uint8_t { links = 1, addresses = 2, routes = 3, apply = 4 };

  static Result<std::unique_ptr<Session>> open(std::shared_ptr<Counters> counters);
  Outcome handle(const Request& request) override;

 private:
  explicit RouteSession(NetlinkSocket socket) : socket_(std::move(socket)) {}

  NetlinkSocket socket_;
};

}  // namespace hawser::rtnetlink
