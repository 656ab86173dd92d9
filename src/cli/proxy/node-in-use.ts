import type { Problem } from '../../model/problem.ts'
import type { OwnNode } from '../../sources/api/own-node.ts'
import { familyOf, type IpAddress } from '../../util/address.ts'

/** The first address of each family, internal ones before external ones (k8s.io/component-helpers/node/util/ips.go). */
export function primaryAddresses(node: OwnNode | undefined): readonly IpAddress[] {
  const all = [...(node?.internalIPs ?? []), ...(node?.externalIPs ?? [])]
  const families = [...new Set(all.map(familyOf))]
  return families.flatMap((family) => all.find((address) => familyOf(address) === family) ?? [])
}

/**
 * The own Node, and what of it stays in force. One that is gone, or has lost its addresses, is no reason to change what
 * works: what it said last goes on.
 */
export class NodeInUse {
  readonly #name: string
  #now: OwnNode | undefined
  #inUse: OwnNode | undefined

  constructor(name: string) {
    this.#name = name
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
    this.#now = node
    if (node === undefined) return
    const before = this.#inUse
    const known = primaryAddresses(node).length > 0 || before === undefined
    this.#inUse = known ? node : { ...node, internalIPs: before.internalIPs, externalIPs: before.externalIPs }
  }

  problems(): readonly Problem[] {
    const place = `Node ${this.#name}`
    const meanwhile =
      primaryAddresses(this.#inUse).length > 0
        ? 'what was known of it stays in force'
        : "until then node ports answer at this machine's own addresses"
    if (this.#now === undefined) {
      const remedy = `register it, or name another with --hostname-override; ${meanwhile}, and hints for zones do not count`
      return [{ place, reason: 'there is no such Node', remedy, severity: 'error' }]
    }
    if (primaryAddresses(this.#now).length > 0) return []
    const remedy = `its kubelet or cloud provider should set status.addresses; ${meanwhile}`
    return [{ place, reason: 'it has no address', remedy, severity: 'error' }]
  }
}
