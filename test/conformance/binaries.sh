#!/usr/bin/env bash
# Finds or builds what the conformance run needs beside the control plane, and prints the folder that holds e2e.test,
# ginkgo, coredns, and agnhost with its certificate. Builds live in ${XDG_CACHE_HOME:-~/.cache}/hawser/conformance, one folder per content of
# go.mod and go.sum (about 5 CPU-minutes, once). Progress goes to stderr.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/hawser/conformance
folder=$cache/$(cat "$here"/go.{mod,sum} | sha256sum | cut -c1-12)
PATH=$PATH:/usr/local/go/bin

if [ ! -x "$folder/e2e.test" ]; then
  command -v go >/dev/null || {
    echo "conformance: there is no Go: install the version that $here/go.mod names (https://go.dev/dl)" >&2
    exit 1
  }
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9
fi
if [ ! -x "$folder/e2e.test" ]; then
  work=$(mktemp -d "$cache/.building-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  echo 'conformance: building the suite, some minutes; this happens once' >&2
  export CGO_ENABLED=0 GOFLAGS='-mod=readonly -buildvcs=false'
  cd "$here"
  nice -n 19 go build -trimpath -ldflags='-s -w' -o "$work/" tool >&2
  nice -n 19 go test -c -trimpath -ldflags='-s -w' -o "$work/e2e.test" k8s.io/kubernetes/test/e2e >&2
  # What agnhost serves TLS with.
  install -m 644 "$(go list -m -f '{{.Dir}}' k8s.io/kubernetes)"/test/images/agnhost/porter/localhost.{crt,key} "$work"
  chmod 755 "$work"
  mv -T "$work" "$folder"
  trap - EXIT
fi
printf '%s\n' "$folder"
