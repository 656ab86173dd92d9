// Messages of connection tracking that no kernel should send: each is refused by every reader.
#include <doctest/doctest.h>

#include <string>

#include "conntrack/entry.h"
#include "conntrack/flow.h"
#include "hex.h"
#include "replies.h"

using namespace hawser;
using namespace hawser::conntrack;
using test::bytesOf;

namespace {

const std::string kIpv4 = "02 00 0000 ";
const std::string kAddresses = "1400 0180 0800 0100 c0000201 0800 0200 0a60000a ";
const std::string kPorts = "1c00 0280 0500 0100 11 000000 0600 0200 0fa0 0000 0600 0300 0035 0000 ";
const std::string kOriginal = "3400 0180 " + kAddresses + kPorts;
const std::string kReply = "3400 0280 " + kAddresses + kPorts;

struct Malformed {
  const char* why;
  std::string payload;
};

const Malformed kMessages[] = {
    {"no header", ""},
    {"half a header", "02 00"},
    {"a family that is neither IPv4 nor IPv6", "07 00 0000 " + kOriginal + kReply},
    {"no attributes", kIpv4},
    {"no original direction", kIpv4 + kReply},
    {"no reply direction", kIpv4 + kOriginal},
    {"an attribute shorter than its own header", kIpv4 + kOriginal + kReply + "0300 0300"},
    {"an attribute of length 0", kIpv4 + kOriginal + kReply + "0000 0300"},
    {"an attribute longer than the message", kIpv4 + kOriginal + kReply + "0900 0300 00000000"},
    {"half an attribute's header", kIpv4 + kOriginal + kReply + "0800"},
    {"a direction without addresses", kIpv4 + "2000 0180 " + kPorts + kReply},
    {"a direction without a destination",
     kIpv4 + "2c00 0180 0c00 0180 0800 0100 c0000201 " + kPorts + kReply},
    {"IPv6 addresses in an IPv4 flow", "0a 00 0000 " + kOriginal + kReply},
    {"an address of two bytes",
     kIpv4 + "3400 0180 1400 0180 0600 0100 c000 0000 0800 0200 0a60000a " + kPorts + kReply},
    {"a nest whose content does not fit it",
     kIpv4 + "3400 0180 1400 0180 0800 0100 c0000201 0900 0200 0a60000a " + kPorts + kReply},
    {"ports that end in the middle of an attribute",
     kIpv4 + "1a00 0180 " + kAddresses + "0200 0000 " + kReply},
};

}  // namespace

TEST_CASE("messages that make no sense are refused, whatever it is") {
  for (const Malformed& malformed : kMessages) {
    CAPTURE(malformed.why);
    const auto payload = bytesOf(malformed.payload);
    const Message message{.header = {}, .payload = payload};
    Flow flow;
    CHECK_FALSE(readFlow(message, flow));
    CHECK_FALSE(readEntry(message));
  }
}

TEST_CASE("the same parts, whole, are read") {
  const auto payload = bytesOf(kIpv4 + kOriginal + kReply);
  const Message message{.header = {}, .payload = payload};
  Flow flow;
  CHECK(readFlow(message, flow));
  CHECK(readEntry(message));
}
