import { formatVirtualServer, type RealServer, type VirtualServerKey } from '../../native/ipvs.ts'
import type { IpAddress } from '../../util/address.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import { RefCounts } from '../nf-table/ref-counts.ts'
import { MarkNumbers } from './marks.ts'
import type { ServerChange, ServerSettings } from './plan.ts'
import { destName } from './virtual-servers.ts'

/** A real server as the kernel has it. */
export interface ProgrammedDest extends RealServer {
  /** `performance.now()` since when it takes no new connections; undefined while it does. */
  readonly drainingSince: number | undefined
}

export interface ProgrammedServer {
  settings: ServerSettings
  /** How long a real server of it may drain, in ms; undefined: as long as the configuration says. */
  drainLimitMs?: number | undefined
  readonly dests: Map<string, ProgrammedDest>
}

/** What the kernel holds, as far as requests that it acknowledged say: enough to write the next difference. */
export class IpvsState {
  /** By `formatVirtualServer` of the key. */
  readonly servers = new Map<string, ProgrammedServer>()
  /** Frontends whose virtual servers and elements are all in force. */
  readonly frontends = new Map<FrontendKey, Frontend>()
  readonly marks = new MarkNumbers()
  /** How many frontends each VIP has. */
  readonly vips = new RefCounts<IpAddress>()
  /** VIPs that are on the device. */
  readonly addresses = new Set<IpAddress>()
  /** Addresses of other interfaces: a VIP among them is not put on the device a second time. */
  readonly foreignAddresses: ReadonlySet<IpAddress>
  /** The table with its chains is there. */
  hasTable = false
  elements = 0
  /** Names of virtual servers that may have draining real servers. */
  readonly #draining = new Set<string>()

  constructor(foreignAddresses: ReadonlySet<IpAddress> = new Set()) {
    this.foreignAddresses = foreignAddresses
  }

  server(key: VirtualServerKey): ProgrammedServer | undefined {
    return this.servers.get(formatVirtualServer(key))
  }

  /** Virtual servers with real servers that only finish their connections. */
  draining(): ProgrammedServer[] {
    return [...this.#draining].flatMap((name) => {
      const server = this.servers.get(name)
      const drains = [...(server?.dests.values() ?? [])].some((dest) => dest.drainingSince !== undefined)
      if (server !== undefined && drains) return [server]
      this.#draining.delete(name)
      return []
    })
  }

  /** Takes in a virtual server as it was found in the kernel. */
  restore(server: ProgrammedServer): void {
    const name = formatVirtualServer(server.settings.key)
    this.servers.set(name, server)
    this.#draining.add(name)
  }

  /** Takes in what the kernel has done, at `performance.now()` `now`. */
  adopt(change: ServerChange, now: number): void {
    const name = formatVirtualServer(change.server.key)
    const server = this.servers.get(name)
    switch (change.op) {
      case 'add-server':
        this.servers.set(name, { settings: change.server, dests: new Map() })
        break
      case 'change-server':
        if (server !== undefined) server.settings = change.server
        break
      case 'delete-server':
        this.servers.delete(name)
        break
      case 'add-dest':
      case 'change-dest': {
        const drainingSince = change.dest.weight === 0 ? now : undefined
        server?.dests.set(destName(change.dest), { ...change.dest, drainingSince })
        if (drainingSince !== undefined) this.#draining.add(name)
        break
      }
      case 'delete-dest':
        server?.dests.delete(destName(change.dest))
    }
  }
}
