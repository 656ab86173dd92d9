import type { EndpointSlice } from '../../model/endpoint-slice.ts'
import type { ObjectName } from '../../model/object-name.ts'
import type { IpAddress, IpFamily } from '../../util/address.ts'

interface LocalAddresses {
  readonly service: ObjectName
  readonly family: IpFamily
  readonly addresses: readonly IpAddress[]
}

/**
 * How many endpoints of a Service are ready on this node, as kube-proxy counts them for load balancers (pkg/proxy
 * `LocalReadyEndpoints`): an address once, whatever ports it has; terminating ones never, also while they still serve;
 * hints of topology have no say; a slice without ports has nobody to send to.
 */
export class LocalEndpoints {
  readonly #nodeName: string
  readonly #slices = new Map<ObjectName, LocalAddresses>()
  readonly #byService = new Map<ObjectName, Set<ObjectName>>()

  constructor(nodeName: string) {
    this.#nodeName = nodeName
  }

  /** Takes in a slice as it is now; undefined: it is gone. */
  set(name: ObjectName, slice: EndpointSlice | undefined): void {
    this.#forget(name)
    if (slice === undefined || slice.ports.length === 0) return
    const addresses = slice.endpoints
      .filter(({ ready, nodeName }) => ready && nodeName === this.#nodeName)
      .map(({ address }) => address)
    // Most slices have nothing here: only a node's own endpoints are kept.
    if (addresses.length === 0) return
    const { service, family } = slice
    this.#slices.set(name, { service, family, addresses })
    const names = this.#byService.get(service)
    if (names === undefined) this.#byService.set(service, new Set([name]))
    else names.add(name)
  }

  count(service: ObjectName, family: IpFamily): number {
    const addresses = new Set<IpAddress>()
    for (const name of this.#byService.get(service) ?? []) {
      const slice = this.#slices.get(name)
      if (slice?.family === family) for (const address of slice.addresses) addresses.add(address)
    }
    return addresses.size
  }

  #forget(name: ObjectName): void {
    const before = this.#slices.get(name)
    if (before === undefined) return
    this.#slices.delete(name)
    const names = this.#byService.get(before.service)
    names?.delete(name)
    if (names?.size === 0) this.#byService.delete(before.service)
  }
}
