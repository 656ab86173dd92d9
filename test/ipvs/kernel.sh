#!/usr/bin/env bash
# Says which kernel the ipvs tests run in: prints `host` when this machine's own kernel has ip_vs, otherwise the folder of
# a User-Mode Linux kernel, which is built first when there is none.
#
#   kernel.sh [--cached]    with --cached, exit 1 at once rather than build
set -euo pipefail

# Asked for in a netns of its own, so that an ip_vs loaded just now registers there and nothing else is touched. The
# generic netlink family is what the addon speaks: ipvsadm's older socket options may be there without it.
modprobe -q ip_vs 2>/dev/null || true
if unshare --net genl ctrl get name IPVS >/dev/null 2>&1; then
  echo host
else
  exec "$(dirname "${BASH_SOURCE[0]}")/../support/uml/kernel.sh" "$@"
fi
