#include "socket/own_ports.h"

#include <mutex>
#include <set>

namespace hawser {
namespace {

std::mutex mutex;

/** Sockets of several namespaces may have the same port id. Never destroyed: threads outlive static objects.
 */
std::multiset<uint32_t>& ports() {
  static auto& all = *new std::multiset<uint32_t>;
  return all;
}

}  // namespace

bool isOwnPort(uint32_t portId) {
  const std::lock_guard lock(mutex);
  return ports().contains(portId);
}

OwnPort::OwnPort(uint32_t portId) : portId_(portId) {
  const std::lock_guard lock(mutex);
  if (portId_ != 0) ports().insert(portId_);
}

OwnPort::~OwnPort() {
  if (portId_ == 0) return;
  const std::lock_guard lock(mutex);
  ports().extract(portId_);
}

}  // namespace hawser
