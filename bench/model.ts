import type { Change } from '../src/model/change.ts'
import type { EndpointPort, EndpointSlice, SliceEndpoint } from '../src/model/endpoint-slice.ts'
import { type ObjectName, objectName } from '../src/model/object-name.ts'
import type { Protocol, Service, ServicePort } from '../src/model/service.ts'
import { formatAddress, type IpAddress, parseCidr } from '../src/util/address.ts'

/** The first cluster IP of the synthetic Services, as a number. */
export const firstClusterIp = 10 * 2 ** 24 + 96 * 2 ** 16 + 256
/** The first pod's address, as a number. */
export const firstPodIp = 10 * 2 ** 24 + 128 * 2 ** 16

/** Every Service answers on this port, … */
export const servicePort = 80
/** … and its endpoints on this one. */
export const endpointPort = 8080

/** The ranges that the synthetic Services and pods take their addresses from. */
export const serviceRange = requireCidr('10.96.0.0/12')
export const podRange = requireCidr('10.128.0.0/9')

/** The node that the measured proxy runs on; it has its share of the pods. */
export const ownNode = 'node-0'

/** A well-filled node, within the kubelet's default limit of 110. */
const podsPerNode = 100

/** Most Services that `serviceRange` has room for, its first 256 addresses left alone. */
export const maxServices = 2 ** 20 - 256

/** Most endpoints a Service may have so that every Service's pods fit into `podRange`. */
export const maxEndpoints = (services: number): number => Math.floor(2 ** 23 / (services + 1)) - 1

/**
 * A synthetic cluster: every Service a ClusterIP with one port a protocol (TCP alone by default), every one with the
 * same number of ready endpoints, no pod of two Services, the pods spread over many nodes. The same sizes give the same
 * cluster.
 */
export class SyntheticCluster {
  readonly services: number
  readonly endpoints: number
  readonly #ports: readonly ServicePort[]
  readonly #slicePorts: readonly EndpointPort[]
  /** By Service, the one of its `endpoints + 1` candidate pods that is no endpoint now; -1 when all are. */
  readonly #absent: Int32Array

  constructor(services: number, endpoints: number, protocols: readonly Protocol[] = ['TCP']) {
    this.services = services
    this.endpoints = endpoints
    const name = (protocol: Protocol): string => (protocols.length === 1 ? '' : protocol.toLowerCase())
    const ports = protocols.map((protocol) => ({ name: name(protocol), protocol }))
    this.#ports = ports.map((port) => ({ ...port, port: servicePort, targetPort: endpointPort, nodePort: 0 }))
    this.#slicePorts = ports.map((port) => ({ ...port, port: endpointPort }))
    // One more than there are: the Service that comes and goes.
    this.#absent = new Int32Array(services + 1).fill(endpoints)
  }

  /** Every Service and EndpointSlice as it is now, as a source's first full list would say it. */
  everything(): Change[] {
    const changes: Change[] = []
    for (let i = 0; i < this.services; i++) changes.push(...this.#whole(i))
    return changes
  }

  /** A Service with its slice beyond those of `everything`. */
  extraService(): readonly Change[] {
    return this.#whole(this.services)
  }

  extraServiceGone(): readonly Change[] {
    return this.#whole(this.services).map((change) => ({ ...change, object: undefined }))
  }

  #whole(index: number): Change[] {
    const name = serviceName(index)
    return [{ kind: 'Service', name, object: this.#service(index) }, this.#sliceChange(index)]
  }

  /** The Services in an order in which none comes soon after its neighbour, over and over. */
  *faraway(): Generator<number> {
    const stride = coprimeStride(this.services)
    for (let index = 0; ; index = (index + stride) % this.services) yield index
  }

  /** A Service short of one candidate gets it; nothing changes for one that has all. */
  addEndpoint(index: number): Change {
    this.#absent[index] = -1
    return this.#sliceChange(index)
  }

  /** A Service loses its `step`-th candidate, usually from the middle of the order, and has all others. */
  removeEndpoint(index: number, step: number): Change {
    this.#absent[index] = step % (this.endpoints + 1)
    return this.#sliceChange(index)
  }

  /** Adds an endpoint to a Service that is short of one, else removes its `step`-th. */
  changeEndpoint(index: number, step: number): Change {
    return this.#absent[index] === -1 ? this.removeEndpoint(index, step) : this.addEndpoint(index)
  }

  /** A Service short of one candidate gets it and loses the next one. */
  replaceEndpoint(index: number): Change {
    const absent = this.#absent[index] ?? 0
    this.#absent[index] = (absent + 1) % (this.endpoints + 1)
    return this.#sliceChange(index)
  }

  /** Spreads the pods by Knuth's multiplicative hash, so that no stride of theirs meets one of the nodes'. */
  #nodeOf(pod: number): string {
    const nodes = Math.ceil((this.services * this.endpoints) / podsPerNode)
    return `node-${(Math.imul(pod, 2_654_435_761) >>> 16) % nodes}`
  }

  #service(index: number): Service {
    return {
      name: serviceName(index),
      type: 'ClusterIP',
      ipFamilies: ['IPv4'],
      clusterIPs: [addressAt(firstClusterIp + index)],
      externalIPs: [],
      loadBalancerIPs: [],
      loadBalancerSourceRanges: [],
      ports: this.#ports.map((port) => ({ ...port })),
      selector: undefined,
      createdAt: undefined,
      affinitySeconds: 0,
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Cluster',
      healthCheckNodePort: 0,
      annotations: new Map(),
    }
  }

  #sliceChange(index: number): Change {
    const service = serviceName(index)
    const absent = this.#absent[index]
    const endpoints: SliceEndpoint[] = []
    for (let slot = 0; slot <= this.endpoints; slot++) {
      const pod = index * (this.endpoints + 1) + slot
      if (slot !== absent) endpoints.push(readyEndpoint(addressAt(firstPodIp + pod), this.#nodeOf(pod)))
    }
    const object: EndpointSlice = {
      name: objectName('bench', `service-${index}-slice`),
      service,
      family: 'IPv4',
      ports: this.#slicePorts.map((port) => ({ ...port })),
      endpoints,
      triggerTime: undefined,
    }
    return { kind: 'EndpointSlice', name: object.name, object }
  }
}

/** The first number from 0.618 of `services` on (the golden section spreads best) that visits every one. */
function coprimeStride(services: number): number {
  let stride = Math.max(1, Math.round(services * 0.618))
  while (greatestCommonDivisor(stride, services) !== 1) stride++
  return stride
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

const serviceName = (index: number): ObjectName => objectName('bench', `service-${index}`)

/** One list for all that have no hints, as sources have it. */
const noNames: readonly string[] = []

const readyEndpoint = (address: IpAddress, nodeName: string): SliceEndpoint => ({
  address,
  ready: true,
  serving: true,
  terminating: false,
  nodeName,
  zone: undefined,
  forZones: noNames,
  forNodes: noNames,
})

/** Of one piece, as a parsed text's are: V8 keeps what was put together from several as those several. */
const addressAt = (value: number): IpAddress => {
  const bytes = Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
  return Buffer.from(formatAddress(bytes), 'latin1').toString('latin1') as IpAddress
}

function requireCidr(text: string) {
  const cidr = parseCidr(text)
  if (cidr === undefined) throw new RangeError(`${text} is no CIDR`)
  return cidr
}
