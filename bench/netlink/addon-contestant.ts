import { NftablesSocket } from '../../src/native/nftables.ts'
import { RouteSocket, RouteTransaction } from '../../src/native/route.ts'
import { type Cidr, formatAddress } from '../../src/util/address.ts'
import { type Contestant, routeAddressValue, timed } from './contestant.ts'

/** The same loads through the addon, as the dataplane uses it: a promise a question, a transaction a batch. */
export async function openAddonContestant(): Promise<Contestant> {
  const nftables = await NftablesSocket.open()
  const route = await RouteSocket.open()
  return {
    name: 'addon',
    roundTrips: (count) =>
      timed(async () => {
        for (let i = 0; i < count; i++) await nftables.generation()
      }),
    messages: (count) => {
      // What a caller has before it comes to the addon; turning it into a transaction is part of the load.
      const destinations = Array.from({ length: count }, (_, i) => routeDestination(i))
      return timed(async () => {
        const add = new RouteTransaction()
        const remove = new RouteTransaction()
        for (const destination of destinations) {
          add.addRoute({ destination, type: 'blackhole' })
          remove.deleteRoute({ destination, type: 'blackhole' })
        }
        await route.apply(add)
        await route.apply(remove)
      })
    },
    close: async () => {
      await nftables.close()
      await route.close()
    },
  }
}

function routeDestination(index: number): Cidr {
  const value = routeAddressValue(index)
  const bytes = Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
  return { family: 'IPv4', address: formatAddress(bytes), prefix: 32 }
}
