#include "socket/network_namespace.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>

#include "socket/descriptor.h"

namespace hawser {

Result<> enterNetworkNamespace(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return Error{errno, "cannot open the network namespace " + path};
  if (::setns(file.get(), CLONE_NEWNET) != 0)
    return Error{errno, "cannot enter the network namespace " + path + " (it takes CAP_SYS_ADMIN)"};
  return Unit{};
}

}  // namespace hawser
