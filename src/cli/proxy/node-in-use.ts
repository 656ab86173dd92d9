import type { Problem } from '../../model/problem.ts'
import type { OwnNode } from '../../sources/api/own-node.ts'
import { familyOf, type IpAddress } from '../../util/address.ts'

/** The first address of each family, internal ones before external ones (k8s.io/component-helpers/node/util/ips.go). */
export function primaryAddresses(node: OwnNode | undefined): readonly IpAddress[] {
  const all = [...(node?.internalIPs ?? []), ...(node?.externalIPs ?? [])]
  const families = [...new Set(all.map(familyOf))]
  return families.flatMap((family) => all.find((address) => familyOf(address) === family) ?? [])
}

export interface NodeInUseOptions {
  readonly name: string
  /** Its podCIDRs tell pods from others. */
  readonly needsPodCidrs: () => boolean
}

/**
 * The own Node, and what of it stays in force. One that is gone, or has lost its addresses, is no reason to change what
 * works: what it said last goes on.
 */
export class NodeInUse {
  readonly #options: NodeInUseOptions
  #now: OwnNode | undefined
  #inUse: OwnNode | undefined

  constructor(options: NodeInUseOptions) {
    this.#options = options
  }

  /** As the API server has it now. */
  get now(): OwnNode | undefined {
    return this.#now
  }

  /** What the dataplane is to go by. */
  get inUse(): OwnNode | undefined {
    return this.#inUse
  }

  take(node: OwnNode | undefined): void {
    const before = this.#inUse
    this.#now = node
    if (node === undefined) return
    const { internalIPs, externalIPs } =
      primaryAddresses(node).length > 0 || before === undefined ? node : before
    const { podCidrs } = node.podCidrs.length > 0 || before === undefined ? node : before
    this.#inUse = { ...node, internalIPs, externalIPs, podCidrs }
  }

  problems(): readonly Problem[] {
    const place = `Node ${this.#options.name}`
    const error = (reason: string, remedy: string): Problem => ({ place, reason, remedy, severity: 'error' })
    const addressesMeanwhile =
      primaryAddresses(this.#inUse).length > 0
        ? 'its last ones stay in force'
        : "until then node ports answer at this machine's own addresses"
    if (this.#now === undefined)
      return [
        error(
          'there is no such Node',
          `register it, or name another with --hostname-override; ${addressesMeanwhile}`,
        ),
      ]
    const problems: Problem[] = []
    if (primaryAddresses(this.#now).length === 0)
      problems.push(
        error(
          'it has no address',
          `its kubelet or cloud provider should set status.addresses; ${addressesMeanwhile}`,
        ),
      )
    if (this.#options.needsPodCidrs() && this.#now.podCidrs.length === 0)
      problems.push(
        error(
          'it has no podCIDRs, by which detectLocalMode NodeCIDR tells pods from others',
          'have the controller manager allocate node CIDRs, or use detectLocalMode: ClusterCIDR; until then no client of a cluster IP counts as one from outside',
        ),
      )
    return problems
  }
}
