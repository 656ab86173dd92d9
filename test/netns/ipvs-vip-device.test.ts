import { afterEach, beforeEach, expect, it } from 'vitest'
import { ipvsWasHere } from '../../src/dataplane/ipvs/leftovers.ts'
import {
  changeVips,
  findVipDevice,
  makeVipDevice,
  removeVips,
  VIP_DEVICE,
} from '../../src/dataplane/ipvs/vip-device.ts'
import { RouteSocket } from '../../src/native/route.ts'
import { ip } from '../support/addresses.ts'
import { Netns } from '../support/netns.ts'

// On a kernel without dummy devices the VIPs of these tests live on `lo`, on others on the device.

let netns: Netns
let routes: RouteSocket

beforeEach(async () => {
  netns = await Netns.create('vips')
  routes = await RouteSocket.open({ netns: netns.path })
})

afterEach(async () => {
  await routes.close()
  await netns.dispose()
})

const WEB = ip('10.96.0.1')
const DNS = ip('10.96.0.2')
const WEB6 = ip('fd00:96::1')

const found = async (family: 'IPv4' | 'IPv6') =>
  findVipDevice(routes, family, (address) => address !== ip('192.0.2.1'))

it('VIPs are put on the machine, taken away, and found again by family', async () => {
  const link = await makeVipDevice(routes)
  await changeVips(routes, link, [WEB, DNS, WEB6], [])
  await changeVips(routes, link, [], [DNS])
  expect(await found('IPv4')).toMatchObject({ name: link, addresses: new Set([WEB]) })
  expect(await found('IPv6')).toMatchObject({ name: link, addresses: new Set([WEB6]) })
})

it('what is there already, or gone already, is no error', async () => {
  const link = await makeVipDevice(routes)
  expect(await makeVipDevice(routes)).toBe(link)
  await changeVips(routes, link, [WEB], [])
  await changeVips(routes, link, [WEB, DNS], [WEB6])
  expect(await found('IPv4')).toMatchObject({ addresses: new Set([WEB, DNS]) })
})

it('addresses of others are none of ours, on `lo` too', async () => {
  await netns.exec('ip', 'address', 'add', '192.0.2.1/32', 'dev', 'lo')
  const link = await makeVipDevice(routes)
  await changeVips(routes, link, [WEB], [])
  expect(await found('IPv4')).toMatchObject({
    addresses: new Set([WEB]),
    foreign: new Set(['127.0.0.1', '192.0.2.1']),
  })
})

it('the device goes with the last address of either family', async () => {
  const link = await makeVipDevice(routes)
  await changeVips(routes, link, [WEB, WEB6], [])
  await removeVips(routes, { name: link, addresses: new Set([WEB]), retired: new Set() })
  expect(await found('IPv6')).toMatchObject({ addresses: new Set([WEB6]) })
  await removeVips(routes, { name: link, addresses: new Set([WEB6]), retired: new Set() })
  expect((await routes.links()).map(({ name }) => name)).not.toContain(VIP_DEVICE)
  expect(await found('IPv4')).toBeUndefined()
})

it('a machine with neither the table nor the device has nothing left of IPVS', async () => {
  expect(await ipvsWasHere({ family: 'IPv4' }, netns.path)).toBe(false)
  await netns.exec('nft', 'add', 'table', 'ip', 'hawser-ipvs')
  expect(await ipvsWasHere({ family: 'IPv4' }, netns.path)).toBe(true)
  expect(await ipvsWasHere({ family: 'IPv6' }, netns.path)).toBe(false)
})
