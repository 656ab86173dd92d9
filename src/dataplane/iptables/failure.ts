import { NetlinkError } from '../../native/nftables.ts'
import type { CommitOutcome } from '../backend.ts'
import type { FrontendKey } from '../desired/frontend.ts'
import { DataplaneError } from '../errors.ts'
import type { PlannedUpdate } from './plan-builder.ts'
import type { PlanTransaction } from './transaction.ts'

/** A rule or chain that should be there is not, or the other way round; somebody else uses it. */
const STALE = new Set(['ENOENT', 'EEXIST', 'EBUSY', 'ERESTART'])

/** The kernel lacks an expression, an extension or a chain type, or all of nf_tables. */
const MISSING = new Set(['ENOENT', 'EOPNOTSUPP', 'EPROTONOSUPPORT', 'EAFNOSUPPORT'])

/** What a failed commit means for the plan that it was of. Anything but a NetlinkError is thrown on. */
export function failedCommit(
  thrown: unknown,
  { frontends: planned }: Pick<PlannedUpdate, 'frontends'>,
  { services }: Pick<PlanTransaction, 'services'>,
  isRebuild: boolean,
): CommitOutcome {
  if (!(thrown instanceof NetlinkError)) throw thrown
  if (thrown.code === 'EPERM' || thrown.code === 'EACCES')
    return { kind: 'failed', error: noPermission(thrown) }
  if (!isRebuild && thrown.failures.some(({ code }) => STALE.has(code)))
    return { kind: 'stale', error: thrown }
  const frontends = new Set<FrontendKey>()
  for (const { op } of thrown.failures) {
    const service = services[op]
    if (service === undefined)
      return { kind: 'failed', error: MISSING.has(thrown.code) ? noIptables(thrown) : thrown }
    for (const key of planned.get(service) ?? []) frontends.add(key)
  }
  return frontends.size > 0
    ? { kind: 'refused', frontends, error: thrown }
    : { kind: 'failed', error: thrown }
}

/** What could not be opened or asked. */
export function openError(error: unknown, netns: string | undefined): unknown {
  if (!(error instanceof NetlinkError)) return error
  if (error.code === 'EPERM' || error.code === 'EACCES') return noPermission(error)
  if (netns !== undefined && error.operation.startsWith('open'))
    return new DataplaneError(
      'NETNS_UNAVAILABLE',
      `cannot enter network namespace ${netns}: ${error.message}`,
      'check that the path exists and is a network namespace',
      error,
    )
  return noIptables(error)
}

const noPermission = (cause: unknown): DataplaneError =>
  new DataplaneError(
    'NO_PERMISSION',
    'may not change the nf_tables rules of this network namespace',
    'run as root or with CAP_NET_ADMIN',
    cause,
  )

const noIptables = (cause: unknown): DataplaneError =>
  new DataplaneError(
    'NO_NFTABLES',
    `the kernel lacks nf_tables or an extension of xtables: ${cause instanceof Error ? cause.message : String(cause)}`,
    'use a kernel with CONFIG_NFT_COMPAT and the xtables extensions, or load their modules: modprobe -a nft_compat ' +
      'nft_chain_nat xt_comment xt_addrtype xt_conntrack xt_mark xt_nat xt_MASQUERADE xt_recent xt_statistic ' +
      'xt_tcpudp ipt_REJECT ip6t_REJECT',
    cause,
  )
