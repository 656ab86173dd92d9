#pragma once

#include "codec/program_writer.h"
#include "socket/netlink_socket.h"
#include "socket/session.h"

namespace hawser::ipvs {

/** Stable code of a kernel that has no IPVS, not even as a module that it could load. */
inline constexpr const char* kIpvsUnavailable = "ERR_IPVS_UNAVAILABLE";

/** The virtual and real servers of a network namespace. */
class IpvsSession final : public Session {
 public:
  /**
   * Methods, as src/native/ipvs.ts numbers them. `destinations` takes service keys back to back and answers,
   * for each, a u32 count and that many dests; `info` answers u32 version, u32 size of the connection table,
   * u32 timeouts in seconds: TCP, TCP after FIN, UDP; `apply` takes a change program.
   */
  enum Method : uint8_t { services = 1, destinations = 2, info = 3, apply = 4 };

  static Result<std::unique_ptr<Session>> open(std::shared_ptr<Counters> counters);
  Outcome handle(const Request& request) override;

 private:
  IpvsSession(NetlinkSocket socket, uint16_t family) : socket_(std::move(socket)), family_(family) {}

  Result<> listServices(ProgramWriter& reply);
  Result<> listDestinations(std::span<const uint8_t> keys, ProgramWriter& reply);
  Result<> readInfo(ProgramWriter& reply);
  NetlinkSocket::Build request(uint8_t command, std::function<void(MessageWriter&)> body = {}) const;

  NetlinkSocket socket_;
  uint16_t family_;
};

}  // namespace hawser::ipvs
