// Kernels that filter dumps, refuse to, or ignore what they do not know: the same entries are found on each.
#include <doctest/doctest.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <cerrno>

#include "conntrack/search.h"
#include "scripted_kernel.h"

using namespace hawser;
using namespace hawser::conntrack;
using test::ScriptedKernel;

namespace {

std::vector<uint8_t> bytesOf(const MessageWriter& writer) {
  REQUIRE_FALSE(writer.failed());
  return {writer.view().begin(), writer.view().end()};
}

/** A UDP entry towards 10.96.0.10 at `port`. */
std::vector<uint8_t> entry(uint32_t sequence, uint16_t port) {
  Entry entry{};
  entry.family = AF_INET;
  entry.protocol = 17;
  entry.original.destination = {10, 96, 0, 10};
  entry.original.destinationPort = port;
  MessageWriter writer;
  writer.begin(messageType(IPCTNL_MSG_CT_NEW), NLM_F_MULTI, sequence);
  writer.header(nfgenmsg{.nfgen_family = AF_INET, .version = 0, .res_id = 0});
  writeTuple(writer, CTA_TUPLE_ORIG, entry, entry.original);
  writeTuple(writer, CTA_TUPLE_REPLY, entry, entry.reply);
  writer.end();
  return bytesOf(writer);
}

std::vector<uint8_t> done(uint32_t sequence) {
  MessageWriter writer;
  writer.begin(NLMSG_DONE, NLM_F_MULTI, sequence);
  writer.header(int32_t{0});
  writer.end();
  return bytesOf(writer);
}

std::vector<uint8_t> refusal(uint32_t sequence, int number) {
  MessageWriter writer;
  writer.begin(NLMSG_ERROR, 0, sequence);
  nlmsgerr refused{};
  refused.error = -number;
  refused.msg.nlmsg_len = NLMSG_HDRLEN;
  refused.msg.nlmsg_seq = sequence;
  writer.header(refused);
  writer.end();
  return bytesOf(writer);
}

const Filter kPort53 = [] {
  Filter filter;
  filter.values.family = AF_INET;
  filter.values.protocol = 17;
  filter.values.original.destinationPort = 53;
  filter.originalFields = kProtocol | kDestinationPort;
  return filter;
}();

/** The destination ports of the entries found. */
std::vector<uint16_t> search(std::vector<ScriptedKernel::Datagrams> script, int* error = nullptr) {
  ScriptedKernel kernel(std::move(script));
  NetlinkSocket socket = NetlinkSocket::adopt(kernel.takeSocket(), std::make_shared<Counters>());
  std::vector<uint16_t> ports;
  auto found = findEntries(
      socket, AF_INET, std::span(&kPort53, 1), [&] { ports.clear(); },
      [&](const Entry& entry) { ports.push_back(entry.original.destinationPort); });
  if (error != nullptr) *error = found ? 0 : found.error().number;
  return ports;
}

const std::vector<uint16_t> kFound{53};

}  // namespace

TEST_CASE("what a filtering kernel sends is found") { CHECK(search({{entry(1, 53), done(1)}}) == kFound); }

TEST_CASE("a kernel that ignores the filter sends everything, and what matches is found") {
  CHECK(search({{entry(1, 80), entry(1, 53), entry(1, 54), done(1)}}) == kFound);
}

TEST_CASE("a kernel that refuses the filter is asked for everything") {
  for (const int number : {EINVAL, EOPNOTSUPP})
    CHECK(search({{refusal(1, number)}, {entry(2, 80), entry(2, 53), done(2)}}) == kFound);
}

TEST_CASE("any other refusal is an error") {
  int error = 0;
  CHECK(search({{refusal(1, EPERM)}}, &error).empty());
  CHECK(error == EPERM);
}
