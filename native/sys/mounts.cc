#include "sys/mounts.h"

#include <sys/mount.h>

#include <cerrno>

namespace hawser::sys {

int mount(const Mount& what) {
  const bool binds = what.fileSystem.empty();
  const char* fileSystem = binds ? nullptr : what.fileSystem.c_str();
  const void* options = what.options.empty() ? nullptr : what.options.c_str();
  const unsigned long flags = binds ? MS_BIND : 0;
  return ::mount(what.source.c_str(), what.target.c_str(), fileSystem, flags, options) == 0 ? 0 : errno;
}

int unmount(const std::string& target) {
  return ::umount2(target.c_str(), UMOUNT_NOFOLLOW) == 0 ? 0 : errno;
}

}  // namespace hawser::sys
