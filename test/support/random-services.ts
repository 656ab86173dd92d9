import fc from 'fast-check'
import type { Change } from '../../src/model/change.ts'
import {
  address,
  cidr,
  goneChange,
  port,
  service,
  serviceChange,
  slice,
  sliceChange,
  sliceEndpoint,
} from './services.ts'

/** Where the worlds of these generators are. */
export const NODE_ADDRESSES = [address('172.20.0.1'), address('172.20.0.2')]
export const POD_CIDR = cidr('10.1.0.0/16')
export const SERVICE_CIDR = cidr('10.96.0.0/16')
export const OUTSIDE_RANGES = [cidr('192.0.2.0/24'), cidr('192.0.2.128/25'), cidr('10.1.0.0/30')]
export const ZONE = 'east'

/** Few names, addresses and ports, so that Services meet each other all the time. */
const names = fc.constantFrom('a', 'b', 'c')
/** Rarely, or there would be little to look at. */
const gone = fc.integer({ min: 0, max: 5 }).map((number) => number === 0)
const policy = fc.constantFrom('Cluster', 'Cluster', 'Local')

const serviceChanges = fc
  .record({
    name: names,
    createdAt: fc.constantFrom(undefined, 1, 2),
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer'),
    ip: fc.integer({ min: 1, max: 4 }),
    ports: fc.uniqueArray(fc.constantFrom(80, 81, 30080), { maxLength: 2 }),
    nodePort: fc.constantFrom(0, 30080, 30081),
    externalIPs: fc.uniqueArray(fc.constantFrom('203.0.113.1', '203.0.113.2', '172.20.0.2'), {
      maxLength: 2,
    }),
    loadBalancerIPs: fc.uniqueArray(fc.constantFrom('203.0.113.2', '203.0.113.3'), { maxLength: 1 }),
    ranges: fc.uniqueArray(fc.constantFrom(...OUTSIDE_RANGES), { maxLength: 2 }),
    internal: policy,
    external: policy,
    affinitySeconds: fc.constantFrom(0, 0, 60, 600),
    gone,
  })
  .map(({ name, ip, ports, nodePort, externalIPs, loadBalancerIPs, gone, ...rest }): Change => {
    const { createdAt, type, affinitySeconds, ranges, internal, external } = rest
    const change = serviceChange(
      service(name, `10.96.0.${ip}`, {
        ...{ createdAt, type, affinitySeconds },
        ports: ports.map((number, i) => {
          const given = i === 0 && type !== 'ClusterIP' ? nodePort : 0
          return port({ name: `p${number}`, port: number, nodePort: given })
        }),
        externalIPs: externalIPs.map(address),
        loadBalancerIPs: type === 'LoadBalancer' ? loadBalancerIPs.map(address) : [],
        loadBalancerSourceRanges: ranges,
        internalTrafficPolicy: internal,
        externalTrafficPolicy: external,
      }),
    )
    return gone ? goneChange(change) : change
  })

const endpoints = fc
  .record({
    host: fc.integer({ min: 1, max: 12 }),
    condition: fc.constantFrom('ready', 'ready', 'ending', 'unready'),
    zone: fc.constantFrom('east', 'west'),
    hasHints: fc.integer({ min: 0, max: 20 }).map((number) => number > 0),
  })
  .map(({ host, condition, zone, hasHints }) => {
    const nodeName = host <= 6 ? 'here' : 'there'
    return sliceEndpoint(`10.1.0.${host}`, {
      nodeName,
      ready: condition === 'ready',
      terminating: condition === 'ending',
      forZones: hasHints ? [zone] : [],
      forNodes: hasHints ? [nodeName] : [],
    })
  })

const sliceChanges = fc
  .record({
    name: names,
    part: fc.constantFrom('1', '1', '2'),
    hints: fc.constantFrom('none', 'none', 'zone', 'node', 'both'),
    // Of one slice each address once; two slices may have it, with other conditions.
    listed: fc.uniqueArray(endpoints, { maxLength: 10, selector: (endpoint) => endpoint.address }),
    gone,
  })
  .map(({ name, part, hints, listed, gone }): Change => {
    const hinted = listed.map((endpoint) => ({
      ...endpoint,
      forZones: hints === 'zone' || hints === 'both' ? endpoint.forZones : [],
      forNodes: hints === 'node' || hints === 'both' ? endpoint.forNodes : [],
    }))
    const made = slice(name, hinted, { family: 'IPv4' })
    const ports = [80, 81, 30080].map((number) => ({
      ...{ name: `p${number}`, protocol: 'TCP' as const, port: 8000 + (number % 1000) },
    }))
    const change = sliceChange({ ...made, ports, name: `${made.name}-${part}` as typeof made.name })
    return gone ? goneChange(change) : change
  })

/** Batches, each of which is compiled, planned and committed on its own. */
export const histories = fc.array(
  fc.array(fc.oneof(serviceChanges, sliceChanges), { minLength: 2, maxLength: 6 }),
  {
    maxLength: 12,
  },
)

/** What a source would say to someone who comes only now: the last word on each object. */
export function lastWords(history: readonly (readonly Change[])[]): Change[] {
  const last = new Map<string, Change>()
  for (const change of history.flat()) last.set(`${change.kind} ${change.name}`, change)
  return [...last.values()]
}
