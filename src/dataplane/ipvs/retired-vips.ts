import { type RouteSocket, RouteTransaction } from '../../native/route.ts'
import { familyOf, type IpAddress, type IpFamily } from '../../util/address.ts'
import { unlessSoAlready } from './unless-so-already.ts'

/**
 * A VIP that is an address of this machine is also what this machine's own connections to it come from, those of
 * another mode too, and would end with it. So when another mode has taken over a route takes the address's place: it
 * leads old connections to IPVS as before, and new ones of the machine have an address that stays. It goes over `lo`,
 * since a device that loses its last IPv4 address loses its IPv4 routes too (fib_disable_ip).
 */

/** What the kernel's own routes to addresses come before: theirs is 0, so that the change of one for the other is none. */
const METRIC = 0x4857

const LOCAL_TABLE = 255

/** The VIPs of a family that such routes lead to. */
export async function retiredVips(routes: RouteSocket, family: IpFamily): Promise<ReadonlySet<IpAddress>> {
  const ours = (await routes.routes(family)).filter(
    ({ table, metric }) => table === LOCAL_TABLE && metric === METRIC,
  )
  return new Set(ours.map(({ destination }) => destination.address))
}

/** Makes routes to VIPs that have `source` as this machine's own address. Those that are there are no error. */
export async function retireVips(
  routes: RouteSocket,
  addresses: Iterable<IpAddress>,
  source: IpAddress,
): Promise<void> {
  const transaction = new RouteTransaction()
  for (const address of addresses) transaction.addRoute({ ...routeTo(address), source })
  await unlessSoAlready(routes.apply(transaction), 'EEXIST')
}

/** Takes the routes away: nothing leads to these VIPs any more. Those that are gone are no error. */
export async function releaseVips(routes: RouteSocket, addresses: Iterable<IpAddress>): Promise<void> {
  const transaction = new RouteTransaction()
  for (const address of addresses) transaction.deleteRoute(routeTo(address))
  await unlessSoAlready(routes.apply(transaction), 'ESRCH')
}

const routeTo = (address: IpAddress) => ({
  destination: { family: familyOf(address), address, prefix: familyOf(address) === 'IPv4' ? 32 : 128 },
  type: 'local' as const,
  metric: METRIC,
  link: 'lo',
})
