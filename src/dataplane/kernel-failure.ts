import { NetlinkError, NftablesSocket } from '../native/nftables.ts'
import type { CommitOutcome } from './backend.ts'
import type { FrontendKey } from './desired/frontend.ts'
import { DataplaneError } from './errors.ts'

/** Says that the kernel lacks what a mode needs, with the modules that bring it. */
export type Lacking = (cause: unknown) => DataplaneError

/** The kernel lacks an expression, an extension or a chain type, or all of nf_tables. */
const MISSING = new Set(['ENOENT', 'EOPNOTSUPP', 'EPROTONOSUPPORT', 'EAFNOSUPPORT'])

export const isRefusedPermission = ({ code }: NetlinkError): boolean => code === 'EPERM' || code === 'EACCES'

export const noPermission = (cause: unknown): DataplaneError =>
  new DataplaneError(
    'NO_PERMISSION',
    'may not change the nf_tables rules of this network namespace',
    'run as root or with CAP_NET_ADMIN',
    cause,
  )

export const noNftables: Lacking = (cause) =>
  new DataplaneError(
    'NO_NFTABLES',
    `the kernel lacks nf_tables or a part of it: ${cause instanceof Error ? cause.message : String(cause)}`,
    'use a kernel with CONFIG_NF_TABLES, NFT_NAT, NFT_MASQ, NFT_REJECT and NFT_NUMGEN, or load its modules: ' +
      'modprobe -a nf_tables nft_chain_nat nft_masq nft_reject_inet nft_numgen',
    cause,
  )

/** What is wrong when the sockets of a backend cannot be opened or asked. Anything but a NetlinkError stays as it is. */
export function openError(error: unknown, netns: string | undefined, lacking: Lacking): unknown {
  if (!(error instanceof NetlinkError)) return error
  if (isRefusedPermission(error)) return noPermission(error)
  if (error.code === 'ERR_IPVS_UNAVAILABLE') return lacking(error)
  if (netns !== undefined && error.operation.startsWith('open'))
    return new DataplaneError(
      'NETNS_UNAVAILABLE',
      `cannot enter network namespace ${netns}: ${error.message}`,
      'check that the path exists and is a network namespace',
      error,
    )
  return lacking(error)
}

/**
 * Opens a socket and asks nf_tables for a sign of life; nothing in the kernel changes. Rejects with a DataplaneError
 * when there is no permission, no nf_tables or no such namespace.
 */
export async function openNftables(netns: string | undefined, lacking: Lacking): Promise<NftablesSocket> {
  let socket: NftablesSocket | undefined
  try {
    socket = await NftablesSocket.open(netns === undefined ? {} : { netns })
    await socket.generation()
    return socket
  } catch (error) {
    await socket?.close()
    throw openError(error, netns, lacking)
  }
}

/** What a failure meets in the backend whose transaction it is. */
export interface Refusal {
  /** Errno names by which the kernel is not as committed before. */
  readonly stale: ReadonlySet<string>
  /** Everything is made anew, so that nothing can be stale. */
  readonly rebuilding: boolean
  readonly lacking: Lacking
  /** Frontends that an operation was for, by its index and that of the element; undefined when it was for none. */
  readonly frontendsOf: (op: number, element: number | undefined) => Iterable<FrontendKey> | undefined
}

/** What a failed nf_tables transaction means. Anything but a NetlinkError is thrown on. */
export function failedTransaction(
  thrown: unknown,
  { stale, rebuilding, lacking, frontendsOf }: Refusal,
): CommitOutcome {
  if (!(thrown instanceof NetlinkError)) throw thrown
  if (isRefusedPermission(thrown)) return { kind: 'failed', error: noPermission(thrown) }
  if (!rebuilding && thrown.failures.some(({ code }) => stale.has(code)))
    return { kind: 'stale', error: thrown }
  const frontends = new Set<FrontendKey>()
  for (const { op, element } of thrown.failures) {
    const keys = frontendsOf(op, element)
    if (keys === undefined)
      return { kind: 'failed', error: rebuilding && MISSING.has(thrown.code) ? lacking(thrown) : thrown }
    for (const key of keys) frontends.add(key)
  }
  return frontends.size > 0
    ? { kind: 'refused', frontends, error: thrown }
    : { kind: 'failed', error: thrown }
}
