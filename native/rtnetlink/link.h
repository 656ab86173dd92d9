#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "codec/message_reader.h"
#include "codec/message_writer.h"
#include "codec/program_writer.h"

namespace hawser::rtnetlink {

/** Kinds of interface that Hawser makes; the numbers are those of the packed program. */
enum class LinkKind : uint8_t { dummy, veth, bridge };

struct NewLink {
  std::string_view name;
  LinkKind kind;
  bool up = false;
  /** The other end of a veth pair, empty for a name of the kernel's choice; it is never brought up here,
   * since it may live elsewhere. */
  std::string_view peer = {};
  /** Descriptor of the namespace that the peer is made in; -1 for the socket's own. */
  int peerNetns = -1;
};

struct LinkChange {
  std::string_view name;
  std::optional<bool> up = {};
  std::optional<uint32_t> mtu = {};
  /** Interface index of the bridge to join; 0 to leave it. */
  std::optional<uint32_t> master = {};
  /** Descriptor of the namespace to move to; -1 to stay. */
  int netns = -1;
};

/** Bodies of RTM_NEWLINK (kNewLink), RTM_NEWLINK (kChangeLink) and RTM_DELLINK requests. */
void writeNewLink(MessageWriter& writer, const NewLink& link);
void writeLinkChange(MessageWriter& writer, const LinkChange& change);
void writeLinkName(MessageWriter& writer, std::string_view name);

/** Body of an RTM_GETLINK dump. */
void writeLinkDump(MessageWriter& writer);

/**
 * Packs an RTM_NEWLINK reply: u32 index, string name, string kind, u32 flags (IFF_*), u32 mtu, u32 master (0:
 * none), u32 peer (IFLA_LINK: index of a veth's other end, in its own namespace; 0: none), blob address
 * (hardware).
 */
Result<> packLink(const Message& message, ProgramWriter& reply);

}  // namespace hawser::rtnetlink
