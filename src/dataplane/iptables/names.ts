import { hash } from 'node:crypto'
import type { Table } from './rule.ts'

/** Chains that are there whatever Services there are. */
export const SERVICES = 'KUBE-SERVICES'
export const NODE_PORTS = 'KUBE-NODEPORTS'
export const EXTERNAL_SERVICES = 'KUBE-EXTERNAL-SERVICES'
export const FIREWALL = 'KUBE-PROXY-FIREWALL'
export const FORWARD = 'KUBE-FORWARD'
export const POSTROUTING = 'KUBE-POSTROUTING'
export const MARK_MASQ = 'KUBE-MARK-MASQ'
/** Ours alone: kube-proxy leaves cluster addresses without a Service unanswered in this mode. */
export const CLUSTER_IPS = 'KUBE-CLUSTER-IPS'
/** Ours alone: refuses each protocol in its way. */
export const REFUSE = 'KUBE-REFUSE'
/** Ours alone: what kube-proxy has in KUBE-FIREWALL, a chain that belongs to the kubelet as well. */
export const LOCALNET = 'KUBE-LOCALNET'
/** Ours alone, for clusters with several pod CIDRs: marks what comes from outside of all of them. */
export const MARK_OUTSIDE = 'KUBE-MARK-OUTSIDE'
/** Ours alone: for nodes on which nobody else masquerades what pods send elsewhere. */
export const POD_EGRESS = 'KUBE-POD-EGRESS'

/** How kube-proxy notices a flush; ours are told. */
const CANARY = 'KUBE-PROXY-CANARY'

/** Chains by table that are ours or were kube-proxy's. */
const CONSTANT_CHAINS: Readonly<Record<Table, ReadonlySet<string>>> = {
  filter: new Set([
    SERVICES,
    EXTERNAL_SERVICES,
    FIREWALL,
    FORWARD,
    NODE_PORTS,
    CLUSTER_IPS,
    REFUSE,
    LOCALNET,
    CANARY,
  ]),
  nat: new Set([SERVICES, NODE_PORTS, POSTROUTING, MARK_MASQ, MARK_OUTSIDE, POD_EGRESS, CANARY]),
  mangle: new Set([CANARY]),
}

/**
 * What a port's own chain is for: endpoints under policy Cluster and under Local, what external addresses have in
 * front of them, source ranges, one endpoint.
 */
export type PortChain = 'SVC' | 'SVL' | 'EXT' | 'FW' | 'SEP'

/** XLB is what kube-proxy called EXT before 1.24. */
const PORT_CHAIN = /^KUBE-(SVC|SVL|EXT|FW|SEP|XLB)-[A-Z2-7]{16}$/

/** Whether a chain is one that Hawser makes or takes over; KUBE-FIREWALL and the kubelet's canary are not. */
export const isProxyChain = (table: Table, name: string): boolean =>
  CONSTANT_CHAINS[table].has(name) || (table !== 'mangle' && PORT_CHAIN.test(name))

/**
 * The name that kube-proxy gives the chain. `port` is `namespace/name:port`, or `namespace/name` without a port name;
 * `protocol` in lower case; `endpoint` is `address:port`, for SEP only.
 */
export const portChainName = (kind: PortChain, port: string, protocol: string, endpoint = ''): string =>
  `KUBE-${kind}-${base32(hash('sha256', `${port}${protocol}${endpoint}`, 'buffer'))}`

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The first 16 digits in base 32 (RFC 4648): ten bytes of the hash. */
function base32(hash: Uint8Array): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of hash.subarray(0, 10)) {
    value = (value << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(value >> (bits - 5)) & 31]
    value &= (1 << bits) - 1
  }
  return text
}
