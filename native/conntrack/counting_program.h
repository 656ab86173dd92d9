#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <vector>

#include "conntrack/flow_selection.h"

namespace hawser::conntrack {

/** How the program looks a frontend up: host's order but for address and port, which are as they travel. */
struct FrontendKey {
  uint8_t family;
  uint8_t protocol;
  uint16_t port;
  uint8_t address[16];
};
struct FrontendPlace {
  uint32_t row;
  uint32_t group;
};
struct EndpointKey {
  uint32_t group;
  uint16_t port;
  uint16_t family;
  uint8_t address[16];
};
static_assert(sizeof(FrontendKey) == 20 && sizeof(FrontendPlace) == 8 && sizeof(EndpointKey) == 24);

/** Columns of the program's own row of numbers. */
enum ProgramColumn : uint8_t { kSeenOpen, kSeenClose, kSeenForeign, kSeenRequestedClose };

/** Descriptors of the maps that the program reads and adds to. */
struct CountingMaps {
  /** FrontendKey → FrontendPlace. */
  int frontends;
  /** EndpointKey → u32 row. */
  int endpoints;
  /** Rows of FlowColumn, but for `active`, which follows from the others. */
  int frontendCounters;
  int endpointCounters;
  /** Rows of life-time buckets, by frontend. */
  int lifetimes;
  /** One row of ProgramColumn. */
  int engine;
};

/**
 * An eBPF socket filter that counts NEW and DESTROY events as EventReader does and drops them, so that nobody
 * is woken and nothing can be lost. Events of another shape than the kernel gives those of UDP, TCP and SCTP
 * flows pass, for EventReader to count. Flows that nobody translated are dropped uncounted when only
 * translated ones are selected.
 */
std::vector<bpf_insn> countingProgram(const CountingMaps& maps, FlowSelection selection);

}  // namespace hawser::conntrack
