import { NetlinkError } from '../../native/nftables.ts'
import type { CommitOutcome } from '../backend.ts'
import { type FrontendKey, frontendKey } from '../desired/frontend.ts'
import { DataplaneError } from '../errors.ts'
import {
  failedTransaction,
  isRefusedPermission,
  type Lacking,
  noNftables,
  noPermission,
} from '../kernel-failure.ts'
import type { RefusedChange, RequestResult } from './requests.ts'
import type { TableTransaction } from './table-transaction.ts'

const noIpvs: Lacking = (cause) =>
  new DataplaneError(
    'NO_IPVS',
    `the kernel has no IPVS: ${cause instanceof Error ? cause.message : String(cause)}`,
    'use a kernel with CONFIG_IP_VS, IP_VS_NFCT and the schedulers, or load its modules: modprobe -a ip_vs ip_vs_rr',
    cause,
  )

/** What is lacking when the sockets of the backend cannot be opened or asked. */
export const lacking: Lacking = (cause) =>
  cause instanceof NetlinkError && cause.code === 'ERR_IPVS_UNAVAILABLE' ? noIpvs(cause) : noNftables(cause)

/** Something is there that should not be, or not there that should: somebody else changed it. */
const STALE = new Set(['EEXIST', 'ESRCH', 'ENOENT'])

/**
 * What refused requests mean for the frontends that they are of; undefined when nothing was refused. The others of the
 * same stream are in force.
 */
export function refusedRequests(
  { refused, error }: RequestResult,
  rebuilding: boolean,
): CommitOutcome | undefined {
  if (error === undefined) return undefined
  if (isRefusedPermission(error)) return { kind: 'failed', error: noPermission(error) }
  const frontends = new Set<FrontendKey>()
  for (const { change, failure } of refused)
    if (change.frontend !== undefined && !isStale({ change, failure })) frontends.add(change.frontend)
  // The real servers of a virtual server that was refused are missing it: that is no news.
  const isNews = ({ change }: RefusedChange): boolean =>
    change.frontend === undefined || !frontends.has(change.frontend)
  if (refused.some((one) => isStale(one) && isNews(one)))
    return { kind: rebuilding ? 'failed' : 'stale', error }
  return { kind: 'refused', frontends, error }
}

/** A virtual server that cannot be added for ENOENT asks for a scheduler that the kernel lacks. */
const isStale = ({ change, failure }: RefusedChange): boolean =>
  STALE.has(failure.code) &&
  !((change.op === 'add-server' || change.op === 'change-server') && failure.code === 'ENOENT')

/** Deletions that found nothing to delete have what they want; other failures of a plan's end are whole ones. */
export const isGone = ({ failure }: RefusedChange): boolean =>
  failure.code === 'ENOENT' || failure.code === 'ESRCH'

/** What a failed transaction of the table means. Anything but a NetlinkError is thrown on. */
export const failedTable = (
  thrown: unknown,
  { elements }: TableTransaction,
  planned: ReadonlySet<FrontendKey>,
  creating: boolean,
): CommitOutcome =>
  failedTransaction(thrown, {
    stale: STALE,
    rebuilding: creating,
    lacking: noNftables,
    frontendsOf(op, index) {
      const element = index === undefined ? undefined : elements.get(op)?.[index]
      if (element === undefined || !('port' in element)) return undefined
      const { address, protocol, port } = element
      const keys = [frontendKey(address, protocol, port), frontendKey(undefined, protocol, port)]
      return keys.filter((key) => planned.has(key))
    },
  })
