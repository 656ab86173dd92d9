import type { Frontend } from '../desired/frontend.ts'

/** How connections to a frontend are treated before IPVS gets them; each is a chain of the table. */
export const BASIC_TREATMENTS = [
  /** No endpoint at all. */
  'reject-it',
  'drop-it',
  /** To a cluster IP: sources outside of the pod CIDRs are masqueraded. */
  'cluster',
  /** From outside under policy Cluster: masqueraded, so that the answer of an endpoint elsewhere comes back here. */
  'external',
  /** Under policy Local: pods and this node are steered by mark, others keep their source. */
  'local',
  /** The same without an endpoint for those from outside: they are dropped. */
  'local-none',
  /** Direct return and tunnels: endpoints answer by themselves, to the client that they see. */
  'direct',
] as const

export type BasicTreatment = (typeof BASIC_TREATMENTS)[number]
/** `from-…`: only for clients in the frontend's source ranges, others are dropped. */
export type Treatment = BasicTreatment | `from-${BasicTreatment}`

export const TREATMENTS: readonly Treatment[] = BASIC_TREATMENTS.flatMap((basic): Treatment[] => [
  basic,
  `from-${basic}`,
])

export function treatmentOf(frontend: Frontend): Treatment {
  const basic = basicTreatment(frontend)
  return frontend.sourceRanges.length === 0 ? basic : `from-${basic}`
}

function basicTreatment(frontend: Frontend): BasicTreatment {
  const { endpoints, localEndpoints, whenEmpty, kind, ipvs } = frontend
  if (endpoints.length === 0) return whenEmpty === 'reject' ? 'reject-it' : 'drop-it'
  const noneOutside = localEndpoints !== undefined && localEndpoints.length === 0
  if (ipvs.forward !== 'masq') return noneOutside ? 'drop-it' : 'direct'
  if (noneOutside) return 'local-none'
  if (localEndpoints !== undefined) return 'local'
  return kind === 'ClusterIP' ? 'cluster' : 'external'
}

/**
 * A treatment's number in the packet's priority field, under a traffic-control major of its own (`4858:n`), so that
 * no packet has it by chance and none is taken for a class of the nftables backend's table.
 */
export const treatmentNumber = (treatment: Treatment): number =>
  ((0x4858 << 16) | (TREATMENTS.indexOf(treatment) + 1)) >>> 0
