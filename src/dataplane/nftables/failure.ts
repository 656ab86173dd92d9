import type { CommitOutcome } from '../backend.ts'
import type { FrontendKey } from '../desired/frontend.ts'
import type { FamilyConfig } from '../family-config.ts'
import { failedTransaction, noNftables } from '../kernel-failure.ts'
import { frontendOfKey } from '../nf-table/service-key.ts'
import type { PlannedUpdate } from './plan-builder.ts'
import type { PlanTransaction } from './transaction.ts'

/** An element or chain that should be there is not, or the other way round; a set is full (ENFILE). */
const STALE = new Set(['ENOENT', 'EEXIST', 'ENFILE', 'EBUSY'])

/** What a failed commit means for the plan that it was of. Anything but a NetlinkError is thrown on. */
export const failedCommit = (
  thrown: unknown,
  { plan, frontends: planned }: Pick<PlannedUpdate, 'plan' | 'frontends'>,
  { elements }: PlanTransaction,
  config: FamilyConfig,
): CommitOutcome =>
  failedTransaction(thrown, {
    stale: STALE,
    rebuilding: plan.creation !== undefined,
    lacking: noNftables,
    frontendsOf(op, element) {
      const key = recordKey(elements.get(op), element, planned, config)
      return key === undefined ? undefined : [key]
    },
  })

function recordKey(
  operation: ReturnType<PlanTransaction['elements']['get']>,
  element: number | undefined,
  planned: PlannedUpdate['frontends'],
  config: FamilyConfig,
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
