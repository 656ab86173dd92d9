#pragma once

#include "codec/program_reader.h"
#include "codec/program_writer.h"
#include "nftables/session.h"

namespace hawser::nftables {

/** Runs one of the dump methods; the layout of its arguments and records stands with each in dump.cc. */
Result<> dump(Method method, ProgramReader& arguments, NetlinkSocket& socket, ProgramWriter& reply);

}  // namespace hawser::nftables
