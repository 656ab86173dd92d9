import type { CommitOutcome } from '../backend.ts'
import { DataplaneError } from '../errors.ts'
import { failedTransaction, type Lacking } from '../kernel-failure.ts'
import type { PlannedUpdate } from './plan-builder.ts'
import type { PlanTransaction } from './transaction.ts'

/** A rule or chain that should be there is not, or the other way round; somebody else uses it. */
const STALE = new Set(['ENOENT', 'EEXIST', 'EBUSY', 'ERESTART'])

/** What a failed commit means for the plan that it was of. Anything but a NetlinkError is thrown on. */
export const failedCommit = (
  thrown: unknown,
  { frontends: planned }: Pick<PlannedUpdate, 'frontends'>,
  { services }: Pick<PlanTransaction, 'services'>,
  rebuilding: boolean,
): CommitOutcome =>
  failedTransaction(thrown, {
    stale: STALE,
    rebuilding,
    lacking: noIptables,
    frontendsOf(op) {
      const service = services[op]
      return service === undefined ? undefined : (planned.get(service) ?? [])
    },
  })

export const noIptables: Lacking = (cause) =>
  new DataplaneError(
    'NO_NFTABLES',
    `the kernel lacks nf_tables or an extension of xtables: ${cause instanceof Error ? cause.message : String(cause)}`,
    'use a kernel with CONFIG_NFT_COMPAT and the xtables extensions, or load their modules: modprobe -a nft_compat ' +
      'nft_chain_nat xt_comment xt_addrtype xt_conntrack xt_mark xt_nat xt_MASQUERADE xt_recent xt_statistic ' +
      'xt_tcpudp ipt_REJECT ip6t_REJECT',
    cause,
  )
