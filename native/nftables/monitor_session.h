#pragma once

#include "nftables/foreign_changes.h"
#include "socket/descriptor.h"
#include "socket/netlink_socket.h"
#include "socket/session.h"

namespace hawser::nftables {

/** Listens to the notifications of nf_tables (NFNLGRP_NFTABLES) and says when others changed something. */
class MonitorSession final : public Session {
 public:
  /** `wait` takes what ForeignChanges::configure reads, and answers ForeignChanges::report as soon as there
   * is something to tell. What happens between two waits is kept by the kernel. Interrupted:
   * ERR_SOCKET_CLOSED. */
  enum Method : uint8_t { wait = 1 };

  static Result<std::unique_ptr<Session>> open(std::shared_ptr<Counters> counters);
  Outcome handle(const Request& request) override;
  void interrupt() override;

 private:
  MonitorSession(NetlinkSocket socket, Descriptor interruption)
      : socket_(std::move(socket)), interruption_(std::move(interruption)) {}
  /** Takes in everything that the kernel holds for us. */
  Result<> drain();

  NetlinkSocket socket_;
  /** An eventfd that stays readable once interrupt() was called. */
  Descriptor interruption_;
  ReceiveRing ring_;
  ForeignChanges changes_{&isOwnPort};
};

}  // namespace hawser::nftables
