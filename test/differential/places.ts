import type { IpFamily } from '../../src/util/address.ts'
import { PLACES, SECOND_PORT, SERVER_PORT } from '../support/service-world.ts'

/** Pods around every node of the comparison, `pod-1` to `pod-4`. */
export const PODS = 4

/** Which of them count as being on the node; the others are said to be on another, though they are as near. */
export const isHere = (pod: number): boolean => pod <= 2

export const SERVER_PORTS = [SERVER_PORT, SECOND_PORT] as const

/** The Node object of both nodes, and its zone. */
export const NODE = { name: 'here', zone: 'east' } as const

const ip = (family: IpFamily, v4: string, v6: string): string => (family === 'IPv4' ? v4 : v6)

/** Numbers of one service, from 0, and of one of its addresses of a kind. */
export const clusterIP = (family: IpFamily, world: number, service: number): string =>
  ip(family, `10.96.${world}.${10 + service}`, `fd00:96::${(world * 256 + 10 + service).toString(16)}`)

/** In the service range, and no Service's. */
export const unusedClusterIP = (family: IpFamily, world: number): string =>
  ip(family, `10.96.${world}.250`, `fd00:96::${(world * 256 + 250).toString(16)}`)

/** Leads to the node from everywhere, and is in no range of the cluster (RFC 2544, RFC 3849). */
export const externalIP = (family: IpFamily, world: number, service: number, which: number): string =>
  ip(
    family,
    `198.18.${world}.${service * 4 + which + 1}`,
    `2001:db8:113:${world}::${service * 4 + which + 1}`,
  )

export const balancerIP = (family: IpFamily, world: number, service: number, which: number): string =>
  ip(
    family,
    `198.19.${world}.${service * 4 + which + 1}`,
    `2001:db8:119:${world}::${service * 4 + which + 1}`,
  )

/** The API server's range has room for so many worlds, four ports a Service. */
const NODE_PORTS = { first: 30_000, worlds: 85, perWorld: 32 }

export const nodePort = (world: number, service: number, which: number): number =>
  NODE_PORTS.first + (world % NODE_PORTS.worlds) * NODE_PORTS.perWorld + service * 4 + which

export const podIP = (family: IpFamily, pod: number): string => PLACES[family].subnet(pod).server

export const nodeIP = (family: IpFamily): string => PLACES[family].node

/**
 * Addresses that client and node ask from where there is affinity: each shows but one choice. What an address has chosen
 * holds in the next step too, and kube-proxy lets it hold for every way into a Service, whose policies differ.
 */
export const SOURCES = 48

export const sourceAddress = (
  who: 'client' | 'host',
  family: IpFamily,
  { step, isInternal, which }: { readonly step: 0 | 1; readonly isInternal: boolean; readonly which: number },
): string => {
  const subnet = who === 'client' ? 1 : 2
  const number = 1 + (step * 2 + (isInternal ? 1 : 0)) * SOURCES + which
  return ip(family, `172.20.${subnet}.${number}`, `fd00:20:0:${subnet}::${number}`)
}

/** All of them; client and node have routes to each other for everything. */
export const sourceAddresses = (who: 'client' | 'host'): readonly string[] =>
  (['IPv4', 'IPv6'] as const).flatMap((family) =>
    ([0, 1] as const).flatMap((step) =>
      [false, true].flatMap((isInternal) =>
        Array.from({ length: SOURCES }, (_, which) =>
          sourceAddress(who, family, { step, isInternal, which }),
        ),
      ),
    ),
  )

/** By a name that tells who is in it. */
export const SOURCE_RANGES = {
  near: ['172.20.0.0/16', 'fd00:20::/48'],
  clientAlone: ['172.20.0.2/32', 'fd00:20::2/128'],
  pods: ['10.1.0.0/16', 'fd00:1::/48'],
  onePod: ['10.1.1.0/24', 'fd00:1:0:1::/64'],
  far: ['198.51.100.0/24', '2001:db8:51::/48'],
  everyoneOfIPv4: ['0.0.0.0/0'],
  nearOfIPv6: ['fd00:20::/48'],
} as const
export type SourceRange = keyof typeof SOURCE_RANGES
