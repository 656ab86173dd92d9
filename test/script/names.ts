import { UPPER_SLOTS } from '../../src/dataplane/nftables/layout.ts'
import type { IpFamily } from '../../src/util/address.ts'
import { PLACES } from '../support/service-world.ts'

/** What `$name` in a script stands for in a family; numbers follow a dash, `$pod-2`. */
export function resolve(name: string, family: IpFamily): string {
  const [what = '', number = '0'] = name.split('-')
  const places = PLACES[family]
  const ip = (v4: string, v6: string): string => (family === 'IPv4' ? v4 : v6)
  switch (what) {
    /** An address of the service range. */
    case 'cluster':
      return ip(`10.96.0.${number}`, `fd00:96::${number}`)
    /** An address that leads to the node and is in no range of the cluster. */
    case 'outside':
      return ip(`203.0.113.${number}`, `2001:db8:113::${number}`)
    case 'pod':
      return places.subnet(Number(number)).server
    case 'pods':
      return places.podCidr
    case 'node':
      return places.node
    case 'client':
      return places.client
    /** A range with the client and the node in it, … */
    case 'near':
      return ip('172.20.0.0/24', 'fd00:20::/64')
    /** … and one without either. */
    case 'far':
      return ip('198.51.100.0/24', '2001:db8:51::/48')
    /** How long a prefix of one address is. */
    case 'bits':
      return ip('32', '128')
    /** The mask that leaves all of an address. */
    case 'mask':
      return ip('255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
    /** `ADDRESS:PORT` of a pod, as iptables writes it. */
    case 'target':
      return ip(`${resolve(`pod-${number}`, family)}:8080`, `[${resolve(`pod-${number}`, family)}]:8080`)
    /** The n-th slot of the upper range. */
    case 'upper':
      return String(UPPER_SLOTS + Number(number))
    default:
      throw new Error(`a script says $${name}, which is nothing`)
  }
}

/** All `$name`s of a text; `$other.name` is what the name is in the other family. */
export const resolveAll = (text: string, family: IpFamily): string =>
  text.replace(/\$(other\.)?([a-z]+(?:-\d+)?)/g, (_, other: string | undefined, name: string) =>
    resolve(name, other === undefined ? family : family === 'IPv4' ? 'IPv6' : 'IPv4'),
  )
