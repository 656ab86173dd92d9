#include "conntrack_target.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "codec/message_reader.h"
#include "codec/message_writer.h"
#include "conntrack/classifier.h"
#include "conntrack/entry.h"
#include "conntrack/filter.h"
#include "conntrack/flow.h"
#include "conntrack/search.h"
#include "conntrack/table_statistics.h"

using namespace hawser;
using namespace hawser::conntrack;

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "contradiction: %s\n", what);
  std::abort();
}

/** Frontends and endpoints that the corpus' flows are of, beside a node port that takes any UDP flow to 53.
 */
const Classifier& table() {
  static const Classifier made = [] {
    const FrontendRecord frontends[] = {
        {.address = {10, 96, 0, 10},
         .port = 53,
         .protocol = IPPROTO_UDP,
         .family = AF_INET,
         .group = 1,
         .flags = 0},
        {.address = {}, .port = 53, .protocol = IPPROTO_UDP, .family = AF_INET, .group = 2, .flags = 0},
        {.address = {0xfd, 0, 0, 0x96},
         .port = 443,
         .protocol = IPPROTO_TCP,
         .family = AF_INET6,
         .group = 1,
         .flags = 0},
    };
    const EndpointRecord endpoints[] = {
        {.address = {10, 0, 0, 2}, .port = 5353, .unused = 0, .family = AF_INET, .group = 1}};
    const auto bytes = [](const auto& records) {
      return std::span(reinterpret_cast<const uint8_t*>(records), sizeof records);
    };
    return *Classifier::of(bytes(frontends), bytes(endpoints));
  }();
  return made;
}

bool same(const Tuple& a, const Tuple& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

/** What was understood once is written, and understood the same again. */
void requireRoundTrip(const Entry& entry) {
  MessageWriter writer;
  writer.begin(messageType(IPCTNL_MSG_CT_NEW), 0, 1);
  writer.header(nfgenmsg{.nfgen_family = entry.family, .version = NFNETLINK_V0, .res_id = 0});
  writeTuple(writer, CTA_TUPLE_ORIG, entry, entry.original);
  writeTuple(writer, CTA_TUPLE_REPLY, entry, entry.reply);
  writer.end();
  require(!writer.failed(), "an entry cannot be written");
  MessageReader messages(writer.view());
  Message message;
  require(messages.next(message), "an entry that was written is no message");
  auto again = readEntry(message);
  require(static_cast<bool>(again), "an entry that was written is malformed");
  require(again->protocol == entry.protocol && same(again->original, entry.original) &&
              same(again->reply, entry.reply),
          "an entry reads differently once it was written");
}

void requireSteady(const Message& message) {
  Flow once, twice;
  const bool sound = readFlow(message, once);
  require(readFlow(message, twice) == sound, "a flow is sound by chance");
  if (!sound) return;
  require(once.key() == twice.key() && once.status == twice.status, "a flow reads differently twice");
  const Rows rows = table().classify(once);
  require(rows.frontend == kNoRow || table().frontendUsed(rows.frontend), "a row that is no frontend's");
  require(rows.endpoint == kNoRow || table().endpointUsed(rows.endpoint), "a row that is no endpoint's");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  MessageReader messages(std::span(data, size));
  Message message;
  while (messages.next(message)) {
    if (message.header.nlmsg_type == NLMSG_ERROR) (void)readAcknowledgement(message);
    requireSteady(message);
    (void)readProcessor(message);
    if (auto entry = readEntry(message)) {
      requireRoundTrip(*entry);
      (void)translatedFilter().matches(*entry);
    }
  }
  return 0;
}
