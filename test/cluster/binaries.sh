#!/usr/bin/env bash
# Finds or builds the control plane that the cluster tests run against, and prints the folder that holds etcd,
# kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy, kubelet and kubectl.
#
#   binaries.sh            print the folder, building it first when there is none (about 10 CPU-minutes, once)
#   binaries.sh --cached   print the folder when it is there, otherwise exit 1 at once
#
# KUBEBUILDER_ASSETS names a folder to use as it is. Otherwise builds live in ${XDG_CACHE_HOME:-~/.cache}/hawser/cluster,
# one folder per Kubernetes version, recipe and content of go.mod and go.sum. Progress goes to stderr.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
recipe=1                          # raise it when a change below makes binaries built before it unfit
needed=(etcd kube-apiserver kube-controller-manager kube-scheduler kubectl)
version=$(awk '$1 == "k8s.io/kubernetes" && $2 ~ /^v/ { print $2; exit }' "$here/go.mod")
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/hawser/cluster

say() { printf 'cluster binaries: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

use_given_folder() {
  local folder=$1 program
  for program in "${needed[@]}"; do
    [ -x "$folder/$program" ] ||
      fail "KUBEBUILDER_ASSETS=$folder has no $program; unset it to have the programs built from source"
  done
  (cd "$folder" && pwd)
}

cache_key() {
  printf '%s-%s-%s' "$version" "$recipe" "$(cat "$here"/go.{mod,sum} | sha256sum | cut -c1-12)"
}

# The go that go.mod asks for. Its own archive installs to /usr/local/go, which is often missing from PATH.
find_go() {
  local wanted found
  wanted=$(awk '$1 == "go" { print $2 }' "$here/go.mod")
  PATH=$PATH:/usr/local/go/bin
  found=$(command -v go || true)
  [ -n "$found" ] ||
    fail "there is no Go: install Go $wanted or newer (https://go.dev/dl), or set KUBEBUILDER_ASSETS to a folder with ${needed[*]}"
  # Where it may, an older go of 1.21 or later fetches the toolchain that go.mod names.
  (cd "$here" && "$found" version >/dev/null 2>&1) ||
    fail "$("$found" env GOVERSION 2>/dev/null || echo 'this Go') is too old: install Go $wanted or newer (https://go.dev/dl)," \
      "or set KUBEBUILDER_ASSETS to a folder with ${needed[*]}"
  printf '%s\n' "$found"
}

build() {
  local target=$1 go minor stamp=k8s.io/component-base/version
  go=$(find_go)
  rm -rf "$cache"/.building-*     # of a build that was killed: the lock says that none is under way
  work=$(mktemp -d "$cache/.building-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  minor=${version#v1.} minor=${minor%%.*}

  say "building Kubernetes $version and its etcd with $("$go" env GOVERSION), some minutes; this happens once"
  # Without the stamp kubectl and the API server call themselves v0.0.0. -trimpath makes the build reproducible.
  (cd "$here" && CGO_ENABLED=0 GOFLAGS='-mod=readonly -buildvcs=false' nice -n 19 "$go" build -trimpath -o "$work/" \
    -ldflags="-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor" tool) >&2 ||
    fail "the build failed; the lines above say why"
  mv "$work/server" "$work/etcd"  # named after the last part of its module's path

  # A rename is atomic: whoever finds the folder finds it whole.
  chmod 755 "$work"
  mv -T "$work" "$target"
  trap - EXIT
  say "built in $SECONDS s: $target"
}

main() {
  if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    use_given_folder "$KUBEBUILDER_ASSETS"
    return
  fi
  local folder
  folder=$cache/$(cache_key)
  if [ ! -x "$folder/etcd" ]; then
    [ "${1:-}" != --cached ] || exit 1
    # One build at a time: a second caller waits for the first and then finds its programs.
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
    [ -x "$folder/etcd" ] || build "$folder"
  fi
  printf '%s\n' "$folder"
}

main "$@"; exit
