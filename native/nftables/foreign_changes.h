#pragma once

#include <string>
#include <vector>

#include "codec/message_reader.h"
#include "codec/program_reader.h"
#include "codec/program_writer.h"

namespace hawser::nftables {

/** What others changed in the tables that are watched, gathered from nf_tables notifications. */
class ForeignChanges {
 public:
  /** Changes made through a port for which `isOwn` says yes are nobody else's. */
  explicit ForeignChanges(bool (*isOwn)(uint32_t portId)) : isOwn_(isOwn) {}

  /** Reads what to look for: u32 count of tables (u8 family, string name); none: every table. */
  bool configure(ProgramReader program);

  /** Takes in one notification. The kernel sends those of a transaction together and its generation last. */
  void take(const Message& message);
  /** Notifications were dropped: anything may have changed. */
  void lose() { lost_ = true; }

  /** Whether there is something to tell, whole transactions only. */
  bool ready() const { return lost_ || complete_; }
  /** Tells it and starts anew: u8 lost, u32 generation (0 when lost), u32 count of changes (u8 family, string
   * table, u32 port id, u32 thread id, string program; the last two empty when the kernel does not say). */
  std::vector<uint8_t> report();

 private:
  struct Table {
    uint8_t family;
    std::string name;
    bool operator==(const Table&) const = default;
  };
  struct Change {
    Table table;
    uint32_t portId;
    uint32_t threadId = 0;
    std::string program;
  };
  bool isWatched(const Table& table) const;
  void takeGeneration(const Message& message);

  bool (*isOwn_)(uint32_t portId);
  std::vector<Table> watched_;
  std::vector<Change> changes_;
  uint32_t generation_ = 0;
  bool complete_ = false;
  bool lost_ = false;
};

}  // namespace hawser::nftables
