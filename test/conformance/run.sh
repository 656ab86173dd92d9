#!/usr/bin/env bash
# Runs upstream's [sig-network] Conformance tests on a node of a real kubelet and containerd with a service proxy:
#
#   run.sh [nftables|iptables|ipvs|kube-proxy]     hawser in that mode, or the real kube-proxy; nftables by default
#   HAWSER_CONFORMANCE_KUBELET=hawser run.sh       hawser as the kubelet too
#   FOCUS='Services should be able to' run.sh      only tests that match
#
# All of it lives in namespaces of its own, which end with it: network, mounts and processes. Needs root, containerd,
# runc and the CNI plugins, and what images.ts copies into the pods' images.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export HAWSER_CONFORMANCE_PROXY=${1:-nftables}
export HAWSER_CONFORMANCE_FOLDER HAWSER_CONFORMANCE_BINARIES
HAWSER_CONFORMANCE_BINARIES=$("$here/binaries.sh")
KUBEBUILDER_ASSETS=$("$here/../cluster/binaries.sh")
export KUBEBUILDER_ASSETS
# Paths that a kubelet insists on; in the mounts of this run they are empty and private.
export HAWSER_CONFORMANCE_OWN=/var/lib/kubelet:/var/log:/opt
mkdir -p /var/lib/kubelet
HAWSER_CONFORMANCE_FOLDER=$(mktemp -d /tmp/hw-conformance-XXXXXX)

cd "$here/../.."
unshare --net --mount --pid --fork --kill-child --mount-proc bash -euc '
  IFS=: read -ra own <<<"$HAWSER_CONFORMANCE_OWN"
  for folder in "${own[@]}"; do mount -t tmpfs none "$folder"; done
  mount --make-rshared /
  ip link set lo up
  exec npx vitest run --project conformance
' || { echo "conformance: what was seen is in $HAWSER_CONFORMANCE_FOLDER" >&2; exit 1; }
rm -rf "$HAWSER_CONFORMANCE_FOLDER"
