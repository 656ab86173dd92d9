#include "conntrack/conntrack_session.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "codec/program_writer.h"
#include "conntrack/search.h"
#include "conntrack/stale_flows.h"
#include "conntrack/table_statistics.h"
#include "socket/batch.h"

namespace hawser::conntrack {
namespace {

/** Deletions per datagram; refusals of entries that expired meanwhile must fit the receive buffer. */
constexpr size_t kBatchMessages = 512;

Outcome failed(Error error) { return {.reply = {}, .error = std::move(error), .failures = {}}; }

Outcome malformedProgram(const char* why) { return failed(Error{EINVAL, why, kMalformedProgram}); }

Outcome replyOf(uint32_t number) {
  ProgramWriter reply;
  reply.u32(number);
  return {.reply = reply.take(), .error = {}, .failures = {}};
}

bool readFilters(ProgramReader& program, std::vector<Filter>& filters) {
  while (!program.done())
    if (!readFilter(program, filters.emplace_back())) return false;
  return !program.failed();
}

/** The family that all filters agree on, AF_UNSPEC otherwise: a dump can be restricted to one. */
uint8_t commonFamily(std::span<const Filter> filters) {
  const uint8_t family = filters.front().values.family;
  const bool common = std::all_of(filters.begin(), filters.end(),
                                  [family](const Filter& filter) { return filter.values.family == family; });
  return common ? family : uint8_t{AF_UNSPEC};
}

}  // namespace

Result<std::unique_ptr<Session>> ConntrackSession::open(std::shared_ptr<Counters> counters) {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER, std::move(counters));
  if (!socket) return socket.error();
  return std::unique_ptr<Session>(new ConntrackSession(std::move(*socket)));
}

Outcome ConntrackSession::handle(const Request& request) {
  switch (request.method) {
    case dump:
      return dumpEntries(ProgramReader(request.program()));
    case removeMatching:
      return removeByFilters(ProgramReader(request.program()));
    case removeEntries:
      return removeRecords(request.program());
    case removeFiltered:
      return removeInKernel(ProgramReader(request.program()));
    case removeStale:
      return removeStaleFlows(request);
    case count:
      return countEntries();
    case statistics:
      return readStatistics();
    case dumpSome:
      return dumpSomeEntries(ProgramReader(request.program()));
    default:
      return malformedProgram("unknown method of a conntrack socket");
  }
}

Outcome ConntrackSession::dumpSomeEntries(ProgramReader program) {
  const uint32_t limit = program.u32();
  const uint8_t family = program.u8();
  std::vector<Filter> filters;
  if (!readFilters(program, filters)) return malformedProgram("a conntrack filter is malformed");
  ProgramWriter reply;
  uint32_t matched = 0;
  auto found = findEntries(
      socket_, family, filters,
      [&] {
        reply.truncate(0);
        matched = 0;
      },
      [&](const Entry& entry) {
        if (matched++ < limit) reply.raw(&entry, sizeof entry);
      });
  if (!found) return failed(found.error());
  reply.u32(matched);
  return {.reply = reply.take(), .error = {}, .failures = {}};
}

Outcome ConntrackSession::dumpEntries(ProgramReader program) {
  const uint8_t family = program.u8();
  std::vector<Filter> filters;
  if (!readFilters(program, filters)) return malformedProgram("a conntrack filter is malformed");
  ProgramWriter reply;
  auto found = findEntries(
      socket_, family, filters, [&] { reply.truncate(0); },
      [&](const Entry& entry) { reply.raw(&entry, sizeof entry); });
  if (!found) return failed(found.error());
  return {.reply = reply.take(), .error = {}, .failures = {}};
}

Outcome ConntrackSession::removeByFilters(ProgramReader program) {
  std::vector<Filter> filters;
  if (!readFilters(program, filters)) return malformedProgram("a conntrack filter is malformed");
  if (filters.empty() ||
      std::any_of(filters.begin(), filters.end(), [](const Filter& f) { return f.matchesEverything(); }))
    return malformedProgram(
        "a filter without a condition would delete every connection: name at least one field");
  std::vector<Entry> entries;
  auto found = findEntries(
      socket_, commonFamily(filters), filters, [&] { entries.clear(); },
      [&](const Entry& entry) { entries.push_back(entry); });
  if (!found) return failed(found.error());
  return remove(entries);
}

Outcome ConntrackSession::removeInKernel(ProgramReader program) {
  Filter filter;
  if (!readFilter(program, filter) || !program.done())
    return malformedProgram("a conntrack filter is malformed");
  // A kernel that knows no filters takes the message for one exact entry, which the tuple makes harmless.
  if (filter.originalFields == 0)
    return malformedProgram("a deletion by the kernel must name something of the original tuple");
  auto deleted = socket_.call(
      "delete connection tracking entries",
      [&](MessageWriter& writer, uint32_t sequence, uint16_t flags) {
        writer.begin(messageType(IPCTNL_MSG_CT_DELETE), flags, sequence);
        filter.write(writer);
        writer.end();
      },
      [](const Message&) -> Result<> { return Unit{}; });
  if (deleted) return replyOf(kUncounted);
  const int refusal = deleted.error().number;
  if (refusal != EINVAL && refusal != EOPNOTSUPP && refusal != ENOENT) return failed(deleted.error());
  std::vector<Entry> entries;
  auto found = findEntries(
      socket_, filter.values.family, std::span(&filter, 1), [&] { entries.clear(); },
      [&](const Entry& entry) { entries.push_back(entry); });
  if (!found) return failed(found.error());
  return remove(entries);
}

Outcome ConntrackSession::removeStaleFlows(const Request& request) {
  if (request.buffers.size() != 3) return malformedProgram("stale flows take three buffers");
  const auto stale = StaleFlows::of(ProgramReader(request.program()), request.buffers[1], request.buffers[2]);
  if (!stale) return malformedProgram("the description of stale flows is malformed");
  Filter asked = stale->needsUntranslated() ? Filter{} : translatedFilter();
  asked.values.family = stale->commonFamily();
  std::vector<Entry> entries;
  Flow flow;
  auto found = dumpMessages(
      socket_, asked, [&] { entries.clear(); },
      [&](const Message& message) -> Result<> {
        if (!readFlow(message, flow)) return malformedEntry();
        if (!stale->contains(flow)) return Unit{};
        auto entry = readEntry(message);
        if (!entry) return entry.error();
        entries.push_back(*entry);
        return Unit{};
      });
  if (!found) return failed(found.error());
  return remove(entries);
}

Outcome ConntrackSession::removeRecords(std::span<const uint8_t> records) {
  if (records.size() % sizeof(Entry) != 0) return malformedProgram("conntrack entries are cut short");
  std::vector<Entry> entries(records.size() / sizeof(Entry));
  if (!entries.empty()) std::memcpy(entries.data(), records.data(), records.size());
  return remove(entries);
}

Outcome ConntrackSession::remove(std::span<const Entry> entries) {
  Batch batch(socket_);
  std::vector<Failure> failures;
  uint32_t removed = 0;
  for (size_t start = 0; start < entries.size(); start += kBatchMessages) {
    const size_t end = std::min(start + kBatchMessages, entries.size());
    batch.clear();
    for (size_t index = start; index < end; index++) {
      batch.begin(messageType(IPCTNL_MSG_CT_DELETE), 0, static_cast<int32_t>(index));
      writeDeletion(batch.writer(), entries[index]);
      batch.end();
    }
    batch.acknowledgeLast();
    auto refusals = batch.exchange();
    if (!refusals) return failed(refusals.error());
    removed += static_cast<uint32_t>(end - start - refusals->size());
    for (const auto& refusal : *refusals)  // ENOENT: expired or closed since it was listed, which is as well
      if (refusal.answer.number != ENOENT) failures.push_back(batch.failure(refusal));
  }
  Outcome outcome = replyOf(removed);
  outcome.failures = std::move(failures);
  return outcome;
}

Outcome ConntrackSession::countEntries() {
  auto size = readTableSize(socket_);
  if (!size) return failed(size.error());
  return replyOf(size->entries);
}

Outcome ConntrackSession::readStatistics() {
  auto size = readTableSize(socket_);
  if (!size) return failed(size.error());
  auto processors = readProcessorStatistics(socket_);
  if (!processors) return failed(processors.error());
  ProgramWriter reply;
  reply.u32(size->entries);
  reply.u32(size->limit);
  for (const ProcessorStatistics& statistics : *processors) {
    reply.u32(statistics.processor);
    for (const uint32_t counter : statistics.counters) reply.u32(counter);
  }
  return {.reply = reply.take(), .error = {}, .failures = {}};
}

}  // namespace hawser::conntrack
