import { BenchError } from '../error.ts'

/** One request as node-netlink takes it; the library fills in length, sequence and port. */
export interface PeerRequest {
  readonly header: { readonly nlmsg_type: bigint; readonly nlmsg_flags: bigint }
  readonly payload: Buffer
}

/** The part of a node-netlink socket that the benchmark uses (the package ships no types). */
export interface PeerSocket {
  /** Resolves when the kernel has acknowledged the request, rejects with its error. */
  talk(request: PeerRequest): Promise<unknown>
  close(): Promise<void>
}

interface PeerModule {
  readonly default: { open(options: { family: number }): Promise<PeerSocket> }
}

/** Opens a node-netlink socket of a netlink protocol (`NETLINK_ROUTE` 0, `NETLINK_NETFILTER` 12). */
export async function openPeer(protocol: number): Promise<PeerSocket> {
  return (await loadPeer()).default.open({ family: protocol })
}

async function loadPeer(): Promise<PeerModule> {
  // A development dependency without types: a name in a variable keeps the compiler from looking for either.
  const name: string = 'node-netlink'
  try {
    return (await import(name)) as PeerModule
  } catch (error) {
    throw new BenchError(
      'BENCH_FAILED',
      `loading ${name}, the peer of this benchmark: it is a development dependency, run npm install`,
      error,
    )
  }
}
