#pragma once

#include "socket/batch.h"
#include "socket/netlink_socket.h"
#include "socket/session.h"

namespace hawser::nftables {

/** Methods of an nf_tables session; src/native/nftables.ts has the same numbers. */
enum class Method : uint8_t {
  commit = 1,
  encode = 2,
  replay = 3,
  generation = 4,
  dumpTables = 5,
  dumpChains = 6,
  dumpSets = 7,
  dumpRules = 8,
  dumpElements = 9,
  dumpVerdictElements = 10,
};

/** The conversation with nf_tables over one NETLINK_NETFILTER socket. */
class NftablesSession : public Session {
 public:
  static Result<std::unique_ptr<Session>> open(std::shared_ptr<Counters> counters);

  Outcome handle(const Request& request) override;

 private:
  explicit NftablesSession(NetlinkSocket socket) : socket_(std::move(socket)), batch_(socket_) {}

  /** Buffers: options (u8 flags: 1 check generation, 2 echo; u32 generation), the program, then attachments.
   * Reply: u8 1 + u32 generation or u8 0, u32 messages, u32 bytes, u32 system calls, u32 count of i32
   * operation + u64 rule handle. */
  Outcome commit(const Request& request);
  /** Buffers as for commit; the reply is what would be sent, with sequence numbers from 1. */
  Outcome encode(const Request& request);
  /** Buffers: encoded batches. Reply: a double of nanoseconds for each. */
  Outcome replay(const Request& request);
  /** A dump between two equal generations: the kernel walks the elements of a set without NLM_F_DUMP_INTR
   * when they change, and then repeats some and leaves out others. */
  Outcome consistentDump(Method method, std::span<const uint8_t> arguments);
  Result<uint32_t> generation();

  NetlinkSocket socket_;
  Batch batch_;
};

}  // namespace hawser::nftables
