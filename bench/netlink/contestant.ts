/** One implementation that runs the same two loads; each method does the whole load before it resolves. */
export interface Contestant {
  readonly name: ContestantName
  /**
   * `count` round trips of NFT_MSG_GETGEN, one request in flight: the cheapest question of the netfilter socket.
   * Returns nanoseconds.
   */
  roundTrips(count: number): Promise<number>
  /** Adds `count` blackhole routes and deletes them again, batched where it can. Returns nanoseconds. */
  messages(count: number): Promise<number>
  close(): Promise<void>
}

export type ContestantName = 'addon' | 'node_netlink' | 'cpp'

/** Nanoseconds that `body` took. */
export async function timed(body: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint()
  await body()
  return Number(process.hrtime.bigint() - start)
}

/** Address of the `index`-th route: 10.0.0.0 and on, the same for every contestant. */
export const routeAddressValue = (index: number): number => 10 * 2 ** 24 + index
