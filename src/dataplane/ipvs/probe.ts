import { formatVirtualServer } from '../../native/ipvs.ts'
import { NetlinkError, type RouteSocket, RouteTransaction } from '../../native/route.ts'
import { familyOf, type IpAddress } from '../../util/address.ts'
import type { IpvsState, ProgrammedServer } from './ipvs-state.ts'
import type { Sockets } from './sockets.ts'
import { VIP_DEVICE } from './vip-device.ts'
import { destName } from './virtual-servers.ts'

/**
 * The kernel tells nobody of changes of IPVS, so somebody has to look. Each look is at one virtual server and one VIP,
 * the next ones every time: three messages, however many there are. What takes all away, as `ipvsadm -C` and the removal
 * of the device do, shows at the first look; what takes one away shows when its turn comes, if no audit is sooner.
 */
export class Probe {
  readonly #state: IpvsState
  #servers: Iterator<ProgrammedServer>
  #addresses: Iterator<IpAddress>

  /** `state` is what is compared with: it may change, but a new one needs a new probe. */
  constructor(state: IpvsState) {
    this.#state = state
    this.#servers = state.servers.values()
    this.#addresses = state.addresses.values()
  }

  /** What is not as it was made, in words. Rejects with a NetlinkError. */
  async look({ ipvs, routes }: Sockets, device: string): Promise<string[]> {
    const differences: string[] = []
    const server = this.#nextServer()
    // The real servers of a virtual server that is gone are none.
    if (server !== undefined && server.dests.size > 0) {
      const [listed = []] = await ipvs.destsOf([server.settings.key])
      const isSame =
        listed.length === server.dests.size &&
        listed.every((dest) => server.dests.get(destName(dest))?.weight === dest.weight)
      if (!isSame) differences.push(`virtual server ${formatVirtualServer(server.settings.key)} is another`)
    }
    const address = this.#nextAddress()
    if (address !== undefined && !(await hasAddress(routes, device, address)))
      differences.push(`VIP ${address} was gone`)
    return differences
  }

  #nextServer(): ProgrammedServer | undefined {
    const next = this.#servers.next()
    if (next.done !== true) return next.value
    this.#servers = this.#state.servers.values()
    return this.#servers.next().value
  }

  #nextAddress(): IpAddress | undefined {
    const next = this.#addresses.next()
    if (next.done !== true) return next.value
    this.#addresses = this.#state.addresses.values()
    return this.#addresses.next().value
  }
}

/** Asks by what would mend it: the kernel lists addresses all or none, and answers an addition at once. */
async function hasAddress(routes: RouteSocket, link: string, address: IpAddress): Promise<boolean> {
  const transaction = new RouteTransaction()
  if (link === VIP_DEVICE) transaction.setLink({ name: link, up: true })
  const prefix = familyOf(address) === 'IPv4' ? 32 : 128
  transaction.addAddress({ link, address, prefix, withoutDetection: true })
  try {
    await routes.apply(transaction)
    return false
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
    return error.failures.length > 0 && error.failures.every(({ code }) => code === 'EEXIST')
  }
}
