#pragma once

#include <cstdint>
#include <span>

#include "codec/program_writer.h"

namespace hawser::ipvs {

/** Packs the content of IPVS_SVC_ATTR_STATS64 or IPVS_DEST_ATTR_STATS64 (zeros when empty): u64 connections,
 * incoming packets, outgoing packets, incoming bytes, outgoing bytes. False when it is malformed. */
bool packStatistics(std::span<const uint8_t> statistics, ProgramWriter& reply);

}  // namespace hawser::ipvs
