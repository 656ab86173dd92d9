import * as v from 'valibot'
import { type Cidr, type IpAddress, parseAddress, parseCidr } from '../../util/address.ts'
import type { Parsed } from '../objects/parsed.ts'

/** What a node's parts need to know of their own core/v1 Node. */
export interface OwnNode {
  readonly name: string
  /** `status.addresses` of the type, in the order of the Node. */
  readonly internalIPs: readonly IpAddress[]
  readonly externalIPs: readonly IpAddress[]
  readonly podCidrs: readonly Cidr[]
  /** `topology.kubernetes.io/zone`, which hints of EndpointSlices speak of. */
  readonly zone: string | undefined
  readonly taints: readonly string[]
  /** It has a deletion timestamp. */
  readonly deleting: boolean
}

const zoneLabel = 'topology.kubernetes.io/zone'

/** Loose but for what is read: a Node has dozens of fields, and one of them being new is no reason to lose it. */
const schema = v.object({
  metadata: v.object({
    name: v.string(),
    labels: v.nullish(v.record(v.string(), v.string()), {}),
    deletionTimestamp: v.nullish(v.string()),
  }),
  spec: v.nullish(
    v.object({
      podCIDR: v.nullish(v.string(), ''),
      podCIDRs: v.nullish(v.array(v.string()), []),
      taints: v.nullish(v.array(v.object({ key: v.string() })), []),
    }),
    {},
  ),
  status: v.nullish(
    v.object({ addresses: v.nullish(v.array(v.object({ type: v.string(), address: v.string() })), []) }),
    {},
  ),
})

/** Reads a core/v1 Node. Host names among the addresses, and what else is no address, are left out. */
export function parseOwnNode(object: unknown): Parsed<OwnNode> {
  const result = v.safeParse(schema, object)
  if (!result.success) {
    const [issue] = result.issues
    const path = (issue.path ?? []).map((step) => String(step.key))
    return { value: undefined, problems: [{ path, reason: issue.message, severity: 'error' }] }
  }
  const { metadata, spec, status } = result.output
  const addressesOf = (type: string): readonly IpAddress[] =>
    status.addresses.flatMap((entry) => (entry.type === type ? (parseAddress(entry.address) ?? []) : []))
  const cidrs = spec.podCIDRs.length > 0 ? spec.podCIDRs : [spec.podCIDR]
  const value: OwnNode = {
    name: metadata.name,
    internalIPs: addressesOf('InternalIP'),
    externalIPs: addressesOf('ExternalIP'),
    podCidrs: cidrs.flatMap((text) => parseCidr(text) ?? []),
    zone: metadata.labels[zoneLabel],
    taints: spec.taints.map((taint) => taint.key),
    deleting: metadata.deletionTimestamp != null,
  }
  return { value, problems: [] }
}
