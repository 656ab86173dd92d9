#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "socket/descriptor.h"

namespace hawser::test {

/** What answers in the kernel's place: each request is met with the datagrams that stand for it in the
 * script. */
class ScriptedKernel {
 public:
  using Datagrams = std::vector<std::vector<uint8_t>>;

  explicit ScriptedKernel(std::vector<Datagrams> script) {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    theirs_ = Descriptor(pair[1]);
    thread_ = std::thread([script = std::move(script), end = Descriptor(pair[0])] {
      uint8_t request[4096];
      for (const Datagrams& answers : script) {
        if (::recv(end.get(), request, sizeof request, 0) <= 0) return;
        for (const auto& answer : answers) ::send(end.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      }
      // Stays there until the socket is closed: a hung-up peer would look like an error of its own.
      while (::recv(end.get(), request, sizeof request, 0) > 0) continue;
    });
  }
  ~ScriptedKernel() { thread_.join(); }
  Descriptor takeSocket() { return std::move(theirs_); }

 private:
  Descriptor theirs_;
  std::thread thread_;
};

}  // namespace hawser::test
