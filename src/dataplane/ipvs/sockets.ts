import { IpvsSocket } from '../../native/ipvs.ts'
import { NftablesSocket } from '../../native/nftables.ts'
import { RouteSocket } from '../../native/route.ts'

/** What talks to the kernel about one family. */
export interface Sockets {
  readonly ipvs: IpvsSocket
  readonly nftables: NftablesSocket
  readonly routes: RouteSocket
}

/** Opens them and asks the kernel for a sign of life; nothing in it changes. Rejects with a NetlinkError. */
export async function openSockets(netns: string | undefined): Promise<Sockets> {
  const options = netns === undefined ? {} : { netns }
  const opened: { close(): Promise<void> }[] = []
  const keep = <Socket extends { close(): Promise<void> }>(socket: Socket): Socket => {
    opened.push(socket)
    return socket
  }
  try {
    const nftables = keep(await NftablesSocket.open(options))
    await nftables.generation()
    const routes = keep(await RouteSocket.open(options))
    const ipvs = keep(await IpvsSocket.open(options))
    await ipvs.info()
    return { ipvs, nftables, routes }
  } catch (error) {
    for (const socket of opened) await socket.close()
    throw error
  }
}

export async function closeSockets({ ipvs, nftables, routes }: Sockets): Promise<void> {
  for (const socket of [ipvs, nftables, routes]) await socket.close()
}
