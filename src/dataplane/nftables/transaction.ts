import { endianness } from 'node:os'
import { NftTransaction, type VerdictElement } from '../../native/nftables.ts'
import type { FamilyConfig } from '../family-config.ts'
import type { Chain } from '../nf-table/chain.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import type { Records } from '../nf-table/records.ts'
import { constantChains, namedChain } from './chains.ts'
import { AFFINITY, CLASSES, type DataSet, recordLayout, SET_NAMES, setSpec, TABLE } from './layout.ts'
import type { Creation, NumberedClass, Plan } from './plan.ts'

const LITTLE_ENDIAN = endianness() === 'LE'

/** A plan as the addon takes it, and which of its operations are about which elements. */
export interface PlanTransaction {
  readonly transaction: NftTransaction
  /** By operation; operations on chains, sets and classes are not in here. */
  readonly elements: ReadonlyMap<number, { readonly set: DataSet; readonly records: Records }>
}

/** Writes a plan out: containers before what refers to them, references gone before what they refer to. */
export function planTransaction(plan: Plan, config: FamilyConfig): PlanTransaction {
  const transaction = new NftTransaction(nftFamily(plan.family), TABLE)
  const elements = new Map<number, { set: DataSet; records: Records }>()
  if (plan.creation !== undefined) create(transaction, plan.creation, config)
  addChains(
    transaction,
    plan.addedChains.map((name) => namedChain(name, config)),
  )
  if (plan.addedClasses.length > 0)
    transaction.addVerdictElements(CLASSES, plan.addedClasses.map(verdictElement))
  for (const { set, removed, added } of plan.elements) {
    const layout = recordLayout(set, plan.family)
    if (removed.count > 0) {
      elements.set(transaction.operations, { set, records: removed })
      transaction.deleteElements(set, removed.bytes, { ...layout, dataLength: 0 })
    }
    if (added.count > 0) {
      elements.set(transaction.operations, { set, records: added })
      transaction.addElements(set, added.bytes, layout)
    }
  }
  if (plan.removedClasses.length > 0)
    transaction.deleteVerdictElements(
      CLASSES,
      plan.removedClasses.map(({ number }) => classKey(number)),
    )
  for (const chain of plan.removedChains) transaction.deleteChain(chain)
  return { transaction, elements }
}

function create(transaction: NftTransaction, { sizes, kept }: Creation, config: FamilyConfig): void {
  if (kept === undefined) transaction.destroyTable().addTable()
  else {
    for (const chain of kept.chains) transaction.flushChain(chain)
    for (const set of kept.sets) transaction.deleteSet(set)
    for (const chain of kept.chains) transaction.deleteChain(chain)
  }
  for (const set of SET_NAMES)
    if (kept === undefined || set !== AFFINITY) transaction.addSet(setSpec(set, config.family, sizes[set]))
  addChains(transaction, constantChains(config))
}

function addChains(transaction: NftTransaction, chains: readonly Chain[]): void {
  for (const chain of chains) transaction.addChain(chain)
  for (const { name, rules } of chains) for (const rule of rules) transaction.addRule(name, rule)
}

export const verdictElement = ({ name, number }: NumberedClass): VerdictElement => ({
  key: classKey(number),
  verdict: { kind: 'goto', chain: name },
})

/** A class number as a key of `classes`: host order, like the packet's priority. */
function classKey(number: number): Uint8Array {
  const key = new Uint8Array(4)
  new DataView(key.buffer).setUint32(0, number, LITTLE_ENDIAN)
  return key
}
