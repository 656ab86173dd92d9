import { NetlinkError } from '../../native/nftables.ts'
import type { CommitOutcome } from '../backend.ts'
import { type FrontendKey, frontendKey } from '../desired/frontend.ts'
import { DataplaneError } from '../errors.ts'
import { noNftables, noPermission } from '../nftables/failure.ts'
import type { RefusedChange, RequestResult } from './requests.ts'
import type { TableTransaction } from './table-transaction.ts'

export const noIpvs = (cause: unknown): DataplaneError =>
  new DataplaneError(
    'NO_IPVS',
    `the kernel has no IPVS: ${cause instanceof Error ? cause.message : String(cause)}`,
    'use a kernel with CONFIG_IP_VS, IP_VS_NFCT and the schedulers, or load its modules: modprobe -a ip_vs ip_vs_rr',
    cause,
  )

/** What is wrong when the sockets of a backend cannot be opened. */
export function openError(error: unknown, netns: string | undefined): unknown {
  if (!(error instanceof NetlinkError)) return error
  if (error.code === 'EPERM' || error.code === 'EACCES') return noPermission(error)
  if (error.code === 'ERR_IPVS_UNAVAILABLE') return noIpvs(error)
  if (netns !== undefined && error.operation.startsWith('open'))
    return new DataplaneError(
      'NETNS_UNAVAILABLE',
      `cannot enter network namespace ${netns}: ${error.message}`,
      'check that the path exists and is a network namespace',
      error,
    )
  return noNftables(error)
}

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
  if (error.code === 'EPERM' || error.code === 'EACCES') return { kind: 'failed', error: noPermission(error) }
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

/** The kernel lacks an expression or a chain type (ENOENT while making the table), or all of nf_tables. */
const MISSING = new Set(['ENOENT', 'EOPNOTSUPP', 'EPROTONOSUPPORT', 'EAFNOSUPPORT'])

/** What a failed transaction of the table means. Anything but a NetlinkError is thrown on. */
export function failedTable(
  thrown: unknown,
  { elements }: TableTransaction,
  planned: ReadonlySet<FrontendKey>,
  creating: boolean,
): CommitOutcome {
  if (!(thrown instanceof NetlinkError)) throw thrown
  if (thrown.code === 'EPERM' || thrown.code === 'EACCES')
    return { kind: 'failed', error: noPermission(thrown) }
  if (!creating && thrown.failures.some(({ code }) => STALE.has(code)))
    return { kind: 'stale', error: thrown }
  const frontends = new Set<FrontendKey>()
  for (const { op, element: index } of thrown.failures) {
    const element = index === undefined ? undefined : elements.get(op)?.[index]
    if (element === undefined || !('port' in element))
      return { kind: 'failed', error: creating && MISSING.has(thrown.code) ? noNftables(thrown) : thrown }
    const { address, protocol, port } = element
    const keys = [frontendKey(address, protocol, port), frontendKey(undefined, protocol, port)]
    for (const key of keys) if (planned.has(key)) frontends.add(key)
  }
  return frontends.size > 0
    ? { kind: 'refused', frontends, error: thrown }
    : { kind: 'failed', error: thrown }
}
