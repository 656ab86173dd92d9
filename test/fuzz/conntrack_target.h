#pragma once

#include <cstddef>
#include <cstdint>

/**
 * What libFuzzer calls (README.md says how): reads the bytes as a datagram of the kernel's conntrack, by
 * every reader that there is. Ends the process when one of them contradicts itself; the sanitizers watch the
 * rest. Always 0.
 */
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
