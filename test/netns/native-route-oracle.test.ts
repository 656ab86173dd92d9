import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RouteSocket, RouteTransaction } from '../../src/native/route.ts'
import { formatAddress, formatCidr } from '../../src/util/address.ts'
import { cidr, ip } from '../support/addresses.ts'
import { Netns } from '../support/netns.ts'
import { numberOf, oracleDump, textOf } from './oracle.ts'

const NETLINK_ROUTE = 0
const RTM_GETLINK = 18
const RTM_GETADDR = 22
const RTM_GETROUTE = 26

let netns: Netns
let socket: RouteSocket

beforeEach(async () => {
  netns = await Netns.create('oracle')
  socket = await RouteSocket.open({ netns: netns.path })
})
afterEach(async () => {
  await socket.close()
  await netns.dispose()
})

describe('the same dump through node-netlink', () => {
  beforeEach(async () => {
    await socket.apply(
      new RouteTransaction()
        .addLink({ name: 'a', kind: 'veth', peer: 'b', up: true })
        .setLink({ name: 'b', up: true })
        .addAddress({ link: 'a', address: ip('10.1.0.1'), prefix: 24 })
        .addAddress({ link: 'a', address: ip('fd00::1'), prefix: 64, withoutDetection: true })
        .addLink({ name: 'br0', kind: 'bridge' })
        .setLink({ name: 'b', master: 'br0', mtu: 1300 })
        .addRoute({ destination: cidr('10.9.0.0/16'), via: ip('10.1.0.2'), metric: 7 })
        .addRoute({ destination: cidr('10.10.0.0/16'), via: ip('10.1.0.2'), table: 5000 }),
    )
  })

  it('has the same interfaces', async () => {
    const IFLA = { address: 1, name: 3, mtu: 4, link: 5, master: 10 }
    const request = { protocol: NETLINK_ROUTE, type: RTM_GETLINK, headerLength: 16 }
    const oracle = (await oracleDump(netns, request)).map(({ header, attributes }) => ({
      index: header.readInt32LE(4),
      name: textOf(attributes.get(IFLA.name)),
      up: (header.readUInt32LE(8) & 1) === 1,
      mtu: numberOf(attributes.get(IFLA.mtu)),
      master: numberOf(attributes.get(IFLA.master)),
      peer: numberOf(attributes.get(IFLA.link)),
      hardwareAddress: (attributes.get(IFLA.address)?.toString('hex').match(/../g) ?? []).join(':'),
    }))
    const ours = (await socket.links()).map(({ kind, ...rest }) => ({
      master: undefined,
      peer: undefined,
      ...rest,
    }))
    expect(ours).toEqual(oracle)
    expect(oracle).toHaveLength(4)
  })

  it('has the same addresses', async () => {
    const IFA = { address: 1, local: 2 }
    const request = { protocol: NETLINK_ROUTE, type: RTM_GETADDR, headerLength: 8 }
    const oracle = (await oracleDump(netns, request)).map(({ header, attributes }) => ({
      link: header.readUInt32LE(4),
      address: formatAddress(attributes.get(IFA.local) ?? attributes.get(IFA.address) ?? Buffer.alloc(0)),
      prefix: header.readUInt8(1),
    }))
    const ours = (await socket.addresses()).map(({ link: index, address, prefix }) => ({
      link: index,
      address,
      prefix,
    }))
    expect(ours).toEqual(oracle)
    expect(oracle.length).toBeGreaterThanOrEqual(3)
  })

  it('has the same routes', async () => {
    const RTA = { dst: 1, oif: 4, gateway: 5, priority: 6, table: 15 }
    const AF_INET = Buffer.concat([Buffer.from([2]), Buffer.alloc(11)])
    const request = { protocol: NETLINK_ROUTE, type: RTM_GETROUTE, headerLength: 12, header: AF_INET }
    const oracle = (await oracleDump(netns, request)).map(({ header, attributes }) => ({
      destination: `${formatAddress(attributes.get(RTA.dst) ?? Buffer.alloc(4))}/${header.readUInt8(1)}`,
      via: attributes.has(RTA.gateway)
        ? formatAddress(attributes.get(RTA.gateway) ?? Buffer.alloc(4))
        : undefined,
      link: numberOf(attributes.get(RTA.oif)),
      table: numberOf(attributes.get(RTA.table)),
      metric: numberOf(attributes.get(RTA.priority)) ?? 0,
      protocol: header.readUInt8(5),
    }))
    const ours = (await socket.routes('IPv4')).map((route) => ({
      destination: formatCidr(route.destination),
      via: route.via,
      link: route.link,
      table: route.table,
      metric: route.metric,
      protocol: route.protocol,
    }))
    expect(ours).toEqual(oracle)
    expect(ours.map(({ table }) => table)).toContain(5000)
  })
})
