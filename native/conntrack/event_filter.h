#pragma once

#include <linux/filter.h>

#include <vector>

#include "conntrack/flow_selection.h"

namespace hawser::conntrack {

/**
 * A classic BPF program for a socket of NEW and DESTROY events that passes those of the flows selected, empty
 * where that is all. What is not shaped as the kernel shapes events of UDP, TCP and SCTP may pass too: who
 * reads looks again.
 */
std::vector<sock_filter> filterProgram(FlowSelection selection);

}  // namespace hawser::conntrack
