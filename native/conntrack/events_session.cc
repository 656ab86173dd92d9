#include "conntrack/events_session.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <cerrno>

#include "conntrack/search.h"

namespace hawser::conntrack {
namespace {

Outcome failed(Error error) { return {.reply = {}, .error = std::move(error), .failures = {}}; }

Outcome malformedProgram(const char* why) { return failed(Error{EINVAL, why, kMalformedProgram}); }

}  // namespace

Result<std::unique_ptr<Session>> EventsSession::open(std::shared_ptr<Counters> counters) {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER, std::move(counters));
  if (!socket) return socket.error();
  return std::unique_ptr<Session>(new EventsSession(std::move(*socket)));
}

Outcome EventsSession::handle(const Request& request) {
  if (request.method == start) return startReading(ProgramReader(request.program()));
  if (!reader_) return malformedProgram("connection tracking events were never started");
  switch (request.method) {
    case setTable:
      return replaceTable(request);
    case resync:
      return recount();
    default:
      return malformedProgram("unknown method of a conntrack events socket");
  }
}

Outcome EventsSession::startReading(ProgramReader program) {
  const uint32_t bufferBytes = program.u32();
  const uint8_t selection = program.u8();
  const uint8_t counting = program.u8();
  if (program.failed() || !program.done() || selection > static_cast<uint8_t>(FlowSelection::rewritten))
    return malformedProgram("malformed options of conntrack events");
  if (reader_) return {};
  if (auto present = probe(); !present) return failed(present.error());
  if (auto on = setting_.ensureOn(); !on) return failed(on.error());
  selection_ = FlowSelection{selection};
  auto socket = EventSocket::open({.bufferBytes = bufferBytes, .selection = selection_});
  if (!socket) return failed(socket.error());
  if (auto counted = probeKernelCounting(counting); !counted) return failed(counted.error());
  reader_ = std::make_unique<EventReader>(std::move(*socket), selection_, flows_);
  return {};
}

Result<> EventsSession::probeKernelCounting(uint8_t counting) {
  if (counting == readerOnly) return Unit{};
  const auto capacity = CounterCapacity::of(Classifier{});
  auto counter = KernelCounter::of(capacity, selection_);
  if (counter) {
    firstCounter_ = std::move(*counter);
    capacity_ = capacity;
    countInKernel_ = true;
  } else if (counting == kernelOnly) {
    return Error{counter.error().number, counter.error().message, kKernelCountingUnavailable};
  }
  return Unit{};
}

Result<> EventsSession::probe() {
  auto answered = socket_.call(
      "ask for connection tracking",
      [](MessageWriter& writer, uint32_t sequence, uint16_t flags) {
        writer.begin(messageType(IPCTNL_MSG_CT_GET_STATS), flags, sequence);
        writer.header(nfgenmsg{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = 0});
        writer.end();
      },
      [](const Message&) -> Result<> { return Unit{}; });
  // nfnetlink's answers for a subsystem that is not there.
  if (!answered && (answered.error().number == EINVAL || answered.error().number == EOPNOTSUPP))
    return Error{answered.error().number,
                 "this kernel has no connection tracking over netlink (CONFIG_NF_CT_NETLINK)",
                 kConntrackAbsent};
  return answered;
}

Outcome EventsSession::replaceTable(const Request& request) {
  if (request.buffers.size() != 3) return malformedProgram("a conntrack table takes two buffers");
  auto made = Classifier::of(request.buffers[1], request.buffers[2]);
  if (!made) return malformedProgram("a conntrack table is malformed");
  const auto before = std::exchange(table_, std::make_shared<Classifier>(std::move(*made)));
  if (!flows_->frontends.grow(table_->frontendRows()) || !flows_->lifetimes.grow(table_->frontendRows()) ||
      !flows_->endpoints.grow(table_->endpointRows()))
    return malformedProgram("a conntrack table has more rows than there are counters");
  std::vector<uint32_t> freedFrontends, freedEndpoints;
  for (uint32_t row = 0; row < before->frontendRows(); row++)
    if (before->frontendUsed(row) && !table_->frontendUsed(row)) freedFrontends.push_back(row);
  for (uint32_t row = 0; row < before->endpointRows(); row++)
    if (before->endpointUsed(row) && !table_->endpointUsed(row)) freedEndpoints.push_back(row);
  reader_->adopt(table_, largerCounter(), std::move(freedFrontends), std::move(freedEndpoints));
  return {};
}

std::unique_ptr<KernelCounter> EventsSession::largerCounter() {
  auto counter = std::move(firstCounter_);
  if (countInKernel_ && !capacity_.fits(*table_)) {
    capacity_ = CounterCapacity::of(*table_);
    auto made = KernelCounter::of(capacity_, selection_);
    // A table that the kernel has no memory for is the reader's to count by, from here on.
    countInKernel_ = static_cast<bool>(made);
    counter = made ? std::move(*made) : nullptr;
  }
  if (counter != nullptr && !counter->update(table_)) counter.reset();
  return counter;
}

Outcome EventsSession::recount() {
  std::vector<SeenFlow> flows;
  reader_->beginResync();
  auto dumped = dumpFlows(flows);
  if (!dumped) flows.clear();
  const bool valid = reader_->endResync(flows);
  if (!dumped) return failed(dumped.error());
  if (!valid)
    return failed(
        Error{ENOBUFS, "connection tracking events were lost while the table was read", kResyncOverrun});
  return {};
}

Result<> EventsSession::dumpFlows(std::vector<SeenFlow>& flows) {
  Flow flow;
  // The kernel has no filter that compares two tuples.
  const Filter asked = selection_ == FlowSelection::rewritten ? Filter{} : translatedFilter();
  return dumpMessages(
      socket_, asked, [&] { flows.clear(); },
      [&](const Message& message) -> Result<> {
        if (!readFlow(message, flow)) return malformedEntry();
        // Asked of each again: not all kernels know the filter.
        if (!isTranslated(flow, selection_)) return Unit{};
        const Rows rows = table_->classify(flow);
        if (rows.frontend != kNoRow) flows.push_back({.key = flow.key(), .rows = rows, .alive = true});
        return Unit{};
      });
}

}  // namespace hawser::conntrack
