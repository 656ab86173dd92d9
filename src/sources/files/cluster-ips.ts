import type { ObjectName } from '../../model/object-name.ts'
import type { Problem } from '../../model/problem.ts'
import type { Service } from '../../model/service.ts'
import {
  type Cidr,
  cidrAddress,
  cidrContains,
  cidrSize,
  familyOf,
  formatCidr,
  type IpAddress,
  type IpFamily,
  parseAddress,
} from '../../util/address.ts'
import { type Pool, pick, reservedBand } from './pool.ts'

export interface PlacedService {
  readonly service: Service
  /** Where it stands, for Problems: `web.yaml:3`. */
  readonly place: string
}

export interface ClusterIPs {
  /** A Service without an entry has an error. */
  readonly addresses: ReadonlyMap<ObjectName, readonly IpAddress[]>
  /** The memory with what was given out now. */
  readonly remembered: ReadonlyMap<string, string>
  readonly problems: readonly Problem[]
}

/** The API server looks at no more addresses of a larger IPv6 range either (2^20). */
const largestPool = 2 ** 20

/**
 * Gives every Service its cluster IPs: those it had before, else those it asks for, else free ones. What was given out
 * stays, whoever comes later; what is remembered for a Service that is away is touched last.
 */
export function assignClusterIPs(
  services: readonly PlacedService[],
  memory: ReadonlyMap<string, string>,
  ranges: readonly Cidr[],
): ClusterIPs {
  const remembered = new Map(memory)
  const problems: Problem[] = []
  const owners = new Map<IpAddress, ObjectName>()
  const addresses = new Map<ObjectName, IpAddress[]>()
  const sorted = [...services].sort((a, b) => (a.service.name < b.service.name ? -1 : 1))
  const wanting = sorted.filter(({ service }) => service.clusterIPs.length === 0)

  for (const { service } of wanting) {
    for (const family of service.ipFamilies) {
      const range = ranges.find((candidate) => candidate.family === family)
      const address = parseRemembered(memory.get(key(service, family)), range)
      if (address === undefined) remembered.delete(key(service, family))
      else if (!owners.has(address)) owners.set(address, service.name)
    }
  }
  for (const { service, place } of sorted) {
    if (service.clusterIPs.length === 0) continue
    const conflict = service.clusterIPs.find((address) => owners.has(address))
    if (conflict !== undefined) {
      problems.push(taken(service, place, conflict, owners.get(conflict)))
      continue
    }
    for (const address of service.clusterIPs) {
      owners.set(address, service.name)
      if (!ranges.some((range) => cidrContains(range, address)))
        problems.push(outside(service, place, address, ranges))
    }
    addresses.set(service.name, [...service.clusterIPs])
  }
  const away = new Set(memory.values())
  for (const { service, place } of wanting) {
    const own: IpAddress[] = []
    for (const family of service.ipFamilies) {
      const range = ranges.find((candidate) => candidate.family === family)
      const address = range === undefined ? undefined : give(service, range, remembered, owners, away)
      if (address === undefined) problems.push(none(service, place, family, range))
      else own.push(address)
    }
    if (own.length === service.ipFamilies.length) addresses.set(service.name, own)
  }
  return { addresses, remembered, problems }
}

function give(
  service: Service,
  range: Cidr,
  remembered: Map<string, string>,
  owners: Map<IpAddress, ObjectName>,
  away: ReadonlySet<string>,
): IpAddress | undefined {
  const own = parseRemembered(remembered.get(key(service, range.family)), range)
  if (own !== undefined && owners.get(own) === service.name) return own
  const at = (index: number): IpAddress => cidrAddress(range, BigInt(index))
  const pool = poolOf(range)
  const free = pick(pool, service.name, (candidate) => owners.has(at(candidate)) || away.has(at(candidate)))
  const index = free ?? pick(pool, service.name, (candidate) => owners.has(at(candidate)))
  if (index === undefined) return undefined
  const address = at(index)
  if (free === undefined) forget(remembered, address)
  remembered.set(key(service, range.family), address)
  owners.set(address, service.name)
  return address
}

function forget(remembered: Map<string, string>, address: IpAddress): void {
  for (const [owner, value] of remembered) if (value === address) remembered.delete(owner)
}

/** Neither the network address nor the next, which is the API server's own Service, nor IPv4's broadcast address. */
function poolOf(range: Cidr): Pool {
  const size = Number(cidrSize(range) > BigInt(largestPool) ? BigInt(largestPool) : cidrSize(range))
  return { first: 2, last: size - (range.family === 'IPv4' ? 2 : 1), reserved: reservedBand(size, 16, 256) }
}

function parseRemembered(text: string | undefined, range: Cidr | undefined): IpAddress | undefined {
  const address = text === undefined ? undefined : parseAddress(text)
  return address !== undefined && range !== undefined && cidrContains(range, address) ? address : undefined
}

const key = (service: Service, family: IpFamily): string => `${service.name}/${family}`

const taken = (
  service: Service,
  place: string,
  address: IpAddress,
  owner: ObjectName | undefined,
): Problem => ({
  place,
  reason: `Service ${service.name}: the cluster IP ${address} belongs to Service ${owner}`,
  remedy: 'choose another, or leave clusterIP out to get a free one',
  severity: 'error',
})

const outside = (service: Service, place: string, address: IpAddress, ranges: readonly Cidr[]): Problem => ({
  place,
  reason: `Service ${service.name}: the cluster IP ${address} is outside of ${ranges.map(formatCidr).join(' and ')}`,
  remedy: `set --service-cluster-ip-range so that it covers ${familyOf(address)} ${address}`,
  severity: 'warning',
})

const none = (service: Service, place: string, family: IpFamily, range: Cidr | undefined): Problem => ({
  place,
  reason:
    range === undefined
      ? `Service ${service.name} wants an ${family} cluster IP, and there is no ${family} range`
      : `Service ${service.name}: no cluster IP of ${formatCidr(range)} is free`,
  remedy: 'change --service-cluster-ip-range',
  severity: 'error',
})
