import { NetlinkError } from '../../native/nftables.ts'
import type { CommitOutcome } from '../backend.ts'
import type { FrontendKey } from '../desired/frontend.ts'
import { DataplaneError } from '../errors.ts'
import type { PlannedUpdate } from './plan-builder.ts'
import { frontendOfKey } from './service-key.ts'
import type { TableConfig } from './table-config.ts'
import type { PlanTransaction } from './transaction.ts'

/** An element or chain that should be there is not, or the other way round; a set is full (ENFILE). */
const STALE = new Set(['ENOENT', 'EEXIST', 'ENFILE', 'EBUSY'])

/** The kernel lacks an expression or a chain type (ENOENT while making the table), or all of nf_tables. */
const MISSING = new Set(['ENOENT', 'EOPNOTSUPP', 'EPROTONOSUPPORT', 'EAFNOSUPPORT'])

/** What a failed commit means for the plan that it was of. Anything but a NetlinkError is thrown on. */
export function failedCommit(
  thrown: unknown,
  { plan, frontends: planned }: Pick<PlannedUpdate, 'plan' | 'frontends'>,
  { elements }: PlanTransaction,
  config: TableConfig,
): CommitOutcome {
  if (!(thrown instanceof NetlinkError)) throw thrown
  if (thrown.code === 'EPERM' || thrown.code === 'EACCES')
    return { kind: 'failed', error: noPermission(thrown) }
  const rebuilding = plan.creation !== undefined
  if (!rebuilding && thrown.failures.some(({ code }) => STALE.has(code)))
    return { kind: 'stale', error: thrown }
  const frontends = new Set<FrontendKey>()
  for (const { op, element } of thrown.failures) {
    const key = recordKey(elements.get(op), element, planned, config)
    if (key === undefined)
      return { kind: 'failed', error: rebuilding && MISSING.has(thrown.code) ? noNftables(thrown) : thrown }
    frontends.add(key)
  }
  return frontends.size > 0
    ? { kind: 'refused', frontends, error: thrown }
    : { kind: 'failed', error: thrown }
}

function recordKey(
  operation: ReturnType<PlanTransaction['elements']['get']>,
  element: number | undefined,
  planned: PlannedUpdate['frontends'],
  config: TableConfig,
): FrontendKey | undefined {
  if (operation === undefined || element === undefined) return undefined
  const { set, records } = operation
  if (set === 'cluster-ips' || set === 'hairpin') return undefined
  const at = element * records.width
  const found = frontendOfKey(
    records.bytes.subarray(at, at + records.width),
    config.family,
    config.nodeAddresses,
  )
  // An external IP may be an address of the node, and then clash with a node port: the node port stays.
  return [found?.asAddress, found?.asNodePort].find((key) => key !== undefined && planned.has(key))
}

export const noPermission = (cause: unknown): DataplaneError =>
  new DataplaneError(
    'NO_PERMISSION',
    'may not change the nf_tables rules of this network namespace',
    'run as root or with CAP_NET_ADMIN',
    cause,
  )

export const noNftables = (cause: unknown): DataplaneError =>
  new DataplaneError(
    'NO_NFTABLES',
    `the kernel lacks nf_tables or a part of it: ${cause instanceof Error ? cause.message : String(cause)}`,
    'use a kernel with CONFIG_NF_TABLES, NFT_NAT, NFT_MASQ, NFT_REJECT and NFT_NUMGEN, or load its modules: ' +
      'modprobe -a nf_tables nft_chain_nat nft_masq nft_reject_inet nft_numgen',
    cause,
  )
