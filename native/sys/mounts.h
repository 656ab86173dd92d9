// Mounting by the system calls themselves: a process to run mount(8) is a fork of all of Node.js, which stops its event
// loop for milliseconds each time.
#pragma once

#include <string>

namespace hawser::sys {

/** What is to be mounted where; file system and options are empty for a bind mount. */
struct Mount {
  std::string source;
  std::string target;
  std::string fileSystem;
  std::string options;
};

/** mount(2): a new file system, or with no name of one a bind of `source`. Returns 0 or the errno. */
int mount(const Mount& what);

/** umount2(2) of what was mounted last at `target`, which is not followed where it is a link. Returns 0 or the errno. */
int unmount(const std::string& target);

}  // namespace hawser::sys
