import { setTimeout as sleep } from 'node:timers/promises'
import { NetlinkError, type RouteSocket, RouteTransaction } from '../../native/route.ts'
import { familyOf, type IpAddress, type IpFamily } from '../../util/address.ts'
import { releaseVips, retiredVips } from './retired-vips.ts'
import { unlessSoAlready } from './unless-so-already.ts'

/** The name that kube-proxy gives it, so that its leftovers are taken over and tools find it. */
export const VIP_DEVICE = 'kube-ipvs0'

/** The link that VIPs are put on, and what addresses there are. */
export interface VipDevice {
  readonly name: string
  /** VIPs that it has as addresses. */
  readonly addresses: ReadonlySet<IpAddress>
  /** VIPs that only a route leads to this machine any more, for the connections that another mode took over. */
  readonly retired: ReadonlySet<IpAddress>
  /** Addresses of one family on all other interfaces. */
  readonly foreign: ReadonlySet<IpAddress>
}

/**
 * Lists addresses. Where the kernel has no dummy device VIPs live on `lo`: there those whole addresses are ours that
 * `isOurs` says so of, since others put addresses on `lo` too. Where it has one none on `lo` is.
 */
export async function findVipDevice(
  routes: RouteSocket,
  family: IpFamily,
  isOurs: (address: IpAddress) => boolean,
): Promise<VipDevice | undefined> {
  const links = await routes.links()
  const device = links.find(({ name }) => name === VIP_DEVICE)
  const loopback = links.find(({ name }) => name === 'lo')
  const listed = (await routes.addresses()).filter(({ address }) => familyOf(address) === family)
  const whole = family === 'IPv4' ? 32 : 128
  const own = listed.filter(
    ({ link, address, prefix, scope }) =>
      scope === 'global' &&
      (device === undefined
        ? link === loopback?.index && prefix === whole && isOurs(address)
        : link === device.index),
  )
  const addresses = new Set(own.map(({ address }) => address))
  const foreign = new Set(listed.filter((entry) => !own.includes(entry)).map(({ address }) => address))
  const retired = await retiredVips(routes, family)
  const name = device === undefined ? 'lo' : VIP_DEVICE
  if (device === undefined && addresses.size === 0 && retired.size === 0) return undefined
  return { name, addresses, retired, foreign }
}

/** Makes the device, up; returns the name of the interface to put VIPs on. */
export async function makeVipDevice(routes: RouteSocket): Promise<string> {
  try {
    await routes.apply(new RouteTransaction().addLink({ name: VIP_DEVICE, kind: 'dummy', up: true }))
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
    if (error.code === 'EOPNOTSUPP') return 'lo'
    if (error.code !== 'EEXIST') throw error
    // Left by an earlier process, or the other address family was first. kube-proxy's is down.
    await routes.apply(new RouteTransaction().setLink({ name: VIP_DEVICE, up: true }))
  }
  return VIP_DEVICE
}

/** Puts addresses on the device, in use when it is done, and takes others away. What is so already is no error. */
export async function changeVips(
  routes: RouteSocket,
  link: string,
  added: Iterable<IpAddress>,
  removed: Iterable<IpAddress>,
): Promise<void> {
  const transaction = new RouteTransaction()
  const entry = (address: IpAddress) => ({ link, address, prefix: familyOf(address) === 'IPv4' ? 32 : 128 })
  for (const address of added) transaction.addAddress(entry(address))
  for (const address of removed) transaction.deleteAddress(entry(address))
  await unlessSoAlready(routes.apply(transaction), 'EEXIST', 'EADDRNOTAVAIL')
  await whenUsed(routes, link, new Set([...added].filter((address) => familyOf(address) === 'IPv6')))
}

/** The kernel's work queue takes microseconds, on a machine that is busy milliseconds. */
const USED_POLL_MS = 1
const USED_LIMIT_MS = 1_000

/**
 * Waits until IPv6 addresses are this machine's. The kernel answers before: the route of an address is the work of a
 * queue, though there are no duplicates to detect on these devices (addrconf_dad_begin of net/ipv6/addrconf.c). Until
 * then packets to it are forwarded, and the mark of a forwarded connection stays with it: masqueraded behind the VIP
 * itself, it gets no answer however often the client repeats its SYN.
 */
async function whenUsed(routes: RouteSocket, link: string, awaited: ReadonlySet<IpAddress>): Promise<void> {
  if (awaited.size === 0) return
  const deadline = performance.now() + USED_LIMIT_MS
  const areUsed = async (): Promise<boolean> =>
    (await routes.addresses()).every(({ address, tentative }) => !(tentative && awaited.has(address)))
  // A device that somebody has set down in between never gets there; the next look sees that it is down.
  while (!(await areUsed()) && performance.now() < deadline) await sleep(USED_POLL_MS)
  // An address ceases to be tentative a moment before it has its route, under one lock (RTNL): what waits for that lock
  // waits for both. The link is up, so that this is all it does.
  await unlessSoAlready(routes.apply(new RouteTransaction().setLink({ name: link, up: true })), 'ENODEV')
}

/** Takes VIPs away, and the device with them when no other family's are left on it. */
export async function removeVips(
  routes: RouteSocket,
  { name, addresses, retired }: Pick<VipDevice, 'name' | 'addresses' | 'retired'>,
): Promise<void> {
  await releaseVips(routes, retired)
  const links = await routes.links()
  if (!links.some((link) => link.name === name)) return
  await changeVips(routes, name, [], addresses)
  const index = links.find((link) => link.name === VIP_DEVICE)?.index
  if (index === undefined) return
  const left = (await routes.addresses()).some(({ link, scope }) => link === index && scope === 'global')
  // The other family may be first to see that it was the last.
  if (!left) await unlessSoAlready(routes.apply(new RouteTransaction().deleteLink(VIP_DEVICE)), 'ENODEV')
}
