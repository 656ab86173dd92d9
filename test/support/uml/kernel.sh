#!/usr/bin/env bash
# Finds or builds the User-Mode Linux kernel that the ipvs tests run in, and prints the folder that holds it:
# `linux`, the kernel as an ordinary program, and `libxstate.so`, to be preloaded (xstate-shim.c says why).
#
#   kernel.sh            print the folder, building the kernel first when there is none (about 9 CPU-minutes, once)
#   kernel.sh --cached   print the folder when it is there, otherwise exit 1 at once
#
# HAWSER_UML_KERNEL names a folder to use as it is. Otherwise kernels live in ${XDG_CACHE_HOME:-~/.cache}/hawser/uml,
# one folder per Linux series, recipe and content of kernel.config and xstate-shim.c. Progress goes to stderr.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
series=6.12                       # the longterm kernel of Debian 13; Debian 12 has it as a backport in bookworm-security
recipe=1                          # raise it when a change below makes kernels built before it unfit
objects_to_compile=1250           # what this configuration came to; for the line of progress only
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/hawser/uml

say() { printf 'uml kernel: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

use_given_folder() {
  local folder=$1
  [ -x "$folder/linux" ] && [ -r "$folder/libxstate.so" ] ||
    fail "HAWSER_UML_KERNEL=$folder needs the files linux and libxstate.so; unset it to have them built"
  (cd "$folder" && pwd)
}

cache_key() {
  printf 'linux-%s-%s-%s' "$series" "$recipe" "$(cat "$here"/{kernel.config,xstate-shim.c} | sha256sum | cut -c1-12)"
}

# Installs Debian's source of the series and prints the path of its archive.
source_archive() {
  local package=linux-source-$series archive=/usr/src/linux-source-$series.tar.xz
  local tools=(flex bison bc xz-utils gcc make libc6-dev busybox-static iproute2)
  [ -r "$archive" ] || tools+=("$package")
  if ! apt-cache show "$package" >/dev/null 2>&1 && [ ! -r "$archive" ]; then
    say "reading the package lists"
    apt-get update -qq >&2
  fi
  if [ ! -r "$archive" ] && ! apt-cache show "$package" >/dev/null 2>&1; then
    fail "this system's package sources have no $package; add Debian's security or backports suite," \
      "or build elsewhere and set HAWSER_UML_KERNEL to the folder"
  fi
  say "installing what the build needs: ${tools[*]}"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${tools[@]}" >&2
  printf '%s\n' "$archive"
}

# An option that the kernel's own dependencies switched off again would surface much later as a strange test failure.
check_configuration() {
  local got=$1 line missing=()
  while read -r line; do
    case $line in
      CONFIG_*=n) ! grep -q "^${line%=n}=" "$got" || missing+=("$line") ;;
      CONFIG_*) grep -qx "$line" "$got" || missing+=("$line") ;;
    esac
  done <"$here/kernel.config"
  [ ${#missing[@]} -eq 0 ] || fail "the kernel's configuration did not take: ${missing[*]}"
}

# Runs make, turning its `CC file.o` lines into a line of progress every ten seconds.
make_with_progress() {
  local count=0 line shown=$SECONDS
  "$@" 2>&1 | while IFS= read -r line; do
    printf '%s\n' "$line" >>"$work/build.log"
    case $line in *'  CC '*) count=$((count + 1)) ;; esac
    if ((SECONDS - shown >= 10)); then
      shown=$SECONDS
      say "compiled $count of about $objects_to_compile files, ${SECONDS} s"
    fi
  done || { tail -n 30 "$work/build.log" >&2; fail "the build failed; the lines above are its last"; }
}

build() {
  local target=$1 archive source jobs
  jobs=$(nproc)
  archive=$(source_archive)
  rm -rf "$cache"/.building-*     # of a build that was killed: the lock says that none is under way
  work=$(mktemp -d "$cache/.building-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  source=$work/source
  mkdir "$source" "$work/object" "$work/result"

  say "unpacking $archive"
  tar -xf "$archive" -C "$source" --strip-components=1
  local make=(nice -n 19 make -C "$source" ARCH=um O="$work/object")
  "${make[@]}" -s x86_64_defconfig >&2
  (cd "$work/object" && "$source/scripts/kconfig/merge_config.sh" -m .config "$here/kernel.config") >>"$work/build.log"
  "${make[@]}" -s olddefconfig >&2
  check_configuration "$work/object/.config"

  say "building Linux $("${make[@]}" -s kernelversion), $jobs at a time; this happens once"
  make_with_progress "${make[@]}" -j"$jobs" linux
  strip -o "$work/result/linux" "$work/object/linux"
  gcc -O2 -Wall -Werror -shared -fPIC -o "$work/result/libxstate.so" "$here/xstate-shim.c"

  # A rename is atomic: whoever finds the folder finds it whole. One that lost a race keeps the winner's.
  mv -T "$work/result" "$target" 2>/dev/null || [ -x "$target/linux" ] || fail "cannot put the kernel at $target"
  say "built in $SECONDS s: $target"
}

main() {
  if [ -n "${HAWSER_UML_KERNEL:-}" ]; then
    use_given_folder "$HAWSER_UML_KERNEL"
    return
  fi
  [ "$(uname -m)" = x86_64 ] || fail "User-Mode Linux runs on x86-64 hosts only; use a host whose kernel has ip_vs"
  local folder
  folder=$cache/$(cache_key)
  if [ ! -x "$folder/linux" ]; then
    [ "${1:-}" != --cached ] || exit 1
    # One build at a time: a second caller waits for the first and then finds its kernel.
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
    [ -x "$folder/linux" ] || build "$folder"
  fi
  printf '%s\n' "$folder"
}

main "$@"; exit
