// Batches against what nft 1.0.6 sends for the same commands (`nft --debug=mnl -f FILE`). The exceptions: nft
// names sets by id beside the name, writes flags of a table even when there are none, and numbers its
// messages from 0.
#include <doctest/doctest.h>
#include <netinet/in.h>

#include "hex.h"
#include "nftables_programs.h"
#include "socket/netlink_socket.h"

using namespace hawser;
using nftables::Operation;
using test::bytesOf;
using test::hexOf;
using test::TransactionProgram;

namespace {

constexpr const char* kBegin = R"(
  14000000 1000 0100 01000000 00000000   # NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST
  00 00 000a                             # AF_UNSPEC, version 0, subsystem nf_tables
)";

std::string end(const char* sequence) {
  return std::string("14000000 1100 0100") + sequence + "000000 00000000  00 00 000a";
}

/** The messages of a transaction of one operation, without begin and end. */
std::string encoded(TransactionProgram& program, const nftables::CommitOptions& options = {}) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE, std::make_shared<Counters>());
  REQUIRE(socket);
  Batch batch(*socket);
  const auto bytes = program.take();
  REQUIRE(nftables::encodeTransaction(bytes, {}, options, batch));
  return hexOf(batch.view());
}

std::string golden(const char* message) {
  return hexOf(bytesOf(kBegin + std::string(message) + "\n" + end("03")));
}

}  // namespace

TEST_CASE("add table ip hawser") {
  CHECK(encoded(TransactionProgram().addTable()) == golden(R"(
    20000000 000a 0504 02000000 00000000   # NFT_MSG_NEWTABLE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE
    02 00 0000                             # NFPROTO_IPV4
    0b00 0100 68617773 657200 00           # NFTA_TABLE_NAME "hawser"
  )"));
}

TEST_CASE("add chain ip hawser c") {
  CHECK(encoded(TransactionProgram().addChain("c")) == golden(R"(
    28000000 030a 0504 02000000 00000000  02 00 0000
    0b00 0100 68617773 657200 00           # NFTA_CHAIN_TABLE
    0600 0300 6300 0000                    # NFTA_CHAIN_NAME "c"
  )"));
}

TEST_CASE("add chain ip hawser pre { type nat hook prerouting priority -100; policy accept; }") {
  CHECK(encoded(TransactionProgram().addNatChain("pre")) == golden(R"(
    4c000000 030a 0504 02000000 00000000  02 00 0000
    0b00 0100 68617773 657200 00
    0800 0300 70726500                     # "pre"
    0800 0700 6e617400                     # NFTA_CHAIN_TYPE "nat"
    0800 0500 00000001                     # NFTA_CHAIN_POLICY accept
    1400 0480                              # NFTA_CHAIN_HOOK
      0800 0100 00000000                   #   hook 0
      0800 0200 ffffff9c                   #   priority -100
  )"));
}

TEST_CASE("add map ip hawser eps { typeof ip daddr : th dport; }") {
  CHECK(encoded(TransactionProgram().addPortMap("eps")) == golden(R"(
    58000000 090a 0504 02000000 00000000  02 00 0000
    0b00 0100 68617773 657200 00
    0800 0200 65707300                     # "eps"
    0800 0300 00000008                     # NFT_SET_MAP
    0800 0400 00000007                     # key type ipv4_addr
    0800 0500 00000004                     # key length
    0800 0600 0000000d                     # data type inet_service
    0800 0700 00000002                     # data length
    0800 0a00 00000001                     # NFTA_SET_ID
  )"));
}

TEST_CASE("add set ip hawser lbsrc { typeof ip daddr . th dport; flags interval; size 64; }") {
  CHECK(encoded(TransactionProgram().addIntervalSet("lbsrc", 64)) == golden(R"(
    74000000 090a 0504 02000000 00000000  02 00 0000
    0b00 0100 68617773 657200 00
    0a00 0200 6c627372 6300 0000           # "lbsrc"
    0800 0300 00000084                     # NFT_SET_INTERVAL | NFT_SET_CONCAT
    0800 0400 000001cd                     # key type ipv4_addr . inet_service
    0800 0500 00000008
    0800 0a00 00000001
    2800 0980                              # NFTA_SET_DESC
      0800 0100 00000040                   #   size 64
      1c00 0280                            #   NFTA_SET_DESC_CONCAT
        0c00 0180  0800 0100 00000004      #     field of 4 bytes
        0c00 0180  0800 0100 00000002      #     field of 2 bytes
  )"));
}

TEST_CASE("add rule ip hawser c ip daddr 10.96.0.1 counter drop") {
  CHECK(encoded(TransactionProgram().addDropRule("c")) == golden(R"(
    d0000000 060a 050c 02000000 00000000  02 00 0000   # NLM_F_CREATE | NLM_F_APPEND
    0b00 0100 68617773 657200 00
    0600 0200 6300 0000                    # NFTA_RULE_CHAIN
    a800 0480                              # NFTA_RULE_EXPRESSIONS
      3400 0180  0c00 0100 7061796c 6f616400        # payload
        2400 0280
          0800 0100 00000001  0800 0200 00000001    #   dreg 1, network header
          0800 0300 00000010  0800 0400 00000004    #   offset 16, 4 bytes
      2c00 0180  0800 0100 636d7000                 # cmp
        2000 0280
          0800 0100 00000001  0800 0200 00000000    #   sreg 1, eq
          0c00 0380  0800 0100 0a600001             #   10.96.0.1
      1400 0180  0c00 0100 636f756e 74657200        # counter
        0400 0280
      3000 0180  0e00 0100 696d6d65 64696174 6500 0000   # immediate
        1c00 0280
          0800 0100 00000000                        #   verdict register
          1000 0280  0c00 0280  0800 0100 00000000  #   drop
  )"));
}

// As iptables-nft 1.8.9 frames its rules: at the head for -I, NFTA_RULE_COMPAT with the protocol of -p.
TEST_CASE("a rule of iptables: another table of the same transaction, at its chain's head, for TCP, echoed") {
  CHECK(encoded(TransactionProgram().useTable("nat").addXtablesRule("c", 3, IPPROTO_TCP)) == golden(R"(
    e0000000 060a 0d04 02000000 00000000  02 00 0000   # NLM_F_CREATE | NLM_F_ECHO
    0800 0100 6e617400                     # NFTA_RULE_TABLE "nat"
    0600 0200 6300 0000
    a800 0480                              # NFTA_RULE_EXPRESSIONS
      3400 0180  0c00 0100 7061796c 6f616400        # payload
        2400 0280
          0800 0100 00000001  0800 0200 00000001    #   dreg 1, network header
          0800 0300 00000010  0800 0400 00000004    #   offset 16, 4 bytes
      2c00 0180  0800 0100 636d7000                 # cmp
        2000 0280
          0800 0100 00000001  0800 0200 00000000    #   sreg 1, eq
          0c00 0380  0800 0100 0a600001             #   10.96.0.1
      1400 0180  0c00 0100 636f756e 74657200        # counter
        0400 0280
      3000 0180  0e00 0100 696d6d65 64696174 6500 0000   # immediate
        1c00 0280
          0800 0100 00000000                        #   verdict register
          1000 0280  0c00 0280  0800 0100 00000000  #   drop
    1400 0580  0800 0100 00000006  0800 0200 00000000   # NFTA_RULE_COMPAT: protocol 6, flags 0
  )"));
}

TEST_CASE("a rule of iptables for any protocol, behind all others and not echoed") {
  CHECK(encoded(TransactionProgram().addXtablesRule("c", 0, 0)) ==
        encoded(TransactionProgram().addDropRule("c")));
}

TEST_CASE("add element ip hawser eps { 10.96.0.1 : 80, 10.96.0.2 : 443 }") {
  const auto records = bytesOf("0a600001 0050  0a600002 01bb");
  CHECK(encoded(TransactionProgram().elements(Operation::addElements, "eps", 4, false, 2, records)) ==
        golden(R"(
    64000000 0c0a 0504 02000000 00000000  02 00 0000
    0b00 0100 68617773 657200 00
    0800 0200 65707300                     # NFTA_SET_ELEM_LIST_SET
    3c00 0380                              # NFTA_SET_ELEM_LIST_ELEMENTS
      1c00 0180
        0c00 0180  0800 0100 0a600001      #   key 10.96.0.1
        0c00 0280  0600 0100 0050 0000     #   data 80
      1c00 0180
        0c00 0180  0800 0100 0a600002
        0c00 0280  0600 0100 01bb 0000
  )"));
}

TEST_CASE("add element ip hawser lbsrc { 10.0.0.0/24 . 80 }") {
  const auto records = bytesOf("0a000000 00500000  0a0000ff 00500000");
  CHECK(encoded(TransactionProgram().elements(Operation::addElements, "lbsrc", 8, true, 0, records)) ==
        golden(R"(
    54000000 0c0a 0504 02000000 00000000  02 00 0000
    0b00 0100 68617773 657200 00
    0a00 0200 6c627372 6300 0000
    2800 0380
      2400 0180
        1000 0180  0c00 0100 0a000000 00500000   # key
        1000 0a80  0c00 0100 0a0000ff 00500000   # NFTA_SET_ELEM_KEY_END
  )"));
}

TEST_CASE("add element ip hawser classes { 4857:3 : goto c-3-0 }") {
  CHECK(encoded(TransactionProgram().addVerdict("classes", bytesOf("03005748"), "c-3-0")) == golden(R"(
    5c000000 0c0a 0504 02000000 00000000  02 00 0000
    0b00 0100 68617773 657200 00
    0c00 0200 636c6173 73657300
    3000 0380
      2c00 0180
        0c00 0180  0800 0100 03005748
        1c00 0280  1800 0280                     # NFTA_SET_ELEM_DATA, NFTA_DATA_VERDICT
          0800 0100 fffffffc                     #   goto
          0a00 0200 632d332d 3000 0000           #   "c-3-0"
  )"));
}

TEST_CASE("a batch that checks the generation says so in its begin") {
  const nftables::CommitOptions options{.checkGeneration = true, .generation = 258};
  CHECK(encoded(TransactionProgram().deleteTable(), options) == hexOf(bytesOf(R"(
    1c000000 1000 0100 01000000 00000000  00 00 000a
    0800 0100 00000102                     # NFNL_BATCH_GENID
    20000000 020a 0500 02000000 00000000  02 00 0000   # NFT_MSG_DELTABLE
    0b00 0100 68617773 657200 00
    14000000 1100 0100 03000000 00000000  00 00 000a
  )")));
}

TEST_CASE("only the last operation asks for an acknowledgement") {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE, std::make_shared<Counters>());
  REQUIRE(socket);
  Batch batch(*socket);
  const auto program = TransactionProgram().addTable().addChain("a").addChain("b").take();
  REQUIRE(nftables::encodeTransaction(program, {}, {}, batch));
  MessageReader reader(batch.view());
  Message message;
  std::vector<bool> asks;
  while (reader.next(message)) asks.push_back(message.header.nlmsg_flags & NLM_F_ACK);
  CHECK(asks == std::vector<bool>{false, false, false, true, false});
}
