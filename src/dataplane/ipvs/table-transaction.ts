import { NftTransaction } from '../../native/nftables.ts'
import type { Pacer } from '../../util/pacer.ts'
import type { FamilyConfig } from '../family-config.ts'
import { hostNumber } from '../nf-table/loads.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { tableChains } from './chains.ts'
import { bySet, type Element } from './elements.ts'
import {
  hairpinSpec,
  SET_NAMES,
  setLayout,
  setSpec,
  TABLE,
  TREATMENTS_MAP,
  treatmentsMapSpec,
} from './layout.ts'
import type { TablePlan } from './plan.ts'
import { packElements } from './records.ts'
import { TREATMENTS, treatmentNumber } from './treatments.ts'

/** A table plan as the addon takes it, and which of its operations are about which elements. */
export interface TableTransaction {
  readonly transaction: NftTransaction
  readonly elements: ReadonlyMap<number, readonly Element[]>
}

export async function tableTransaction(
  plan: TablePlan,
  config: FamilyConfig,
  pacer: Pacer,
): Promise<TableTransaction> {
  const { family } = config
  const transaction = new NftTransaction(nftFamily(family), TABLE)
  const elements = new Map<number, readonly Element[]>()
  if (plan.creation) create(transaction, config)
  else
    for (const [set, some] of bySet(plan.removed, SET_NAMES)) {
      const keys = await packElements(set, some, family, 'keys', pacer)
      elements.set(transaction.operations, some)
      const { keyLength, keyEnd = false } = setLayout(set, family)
      transaction.deleteElements(set, keys.bytes, { keyLength, keyEnd })
    }
  for (const [set, some] of bySet(plan.added, SET_NAMES)) {
    const records = await packElements(set, some, family, 'elements', pacer)
    elements.set(transaction.operations, some)
    transaction.addElements(set, records.bytes, setLayout(set, family))
  }
  return { transaction, elements }
}

function create(transaction: NftTransaction, config: FamilyConfig): void {
  transaction.destroyTable().addTable().addSet(treatmentsMapSpec)
  transaction.addSet(hairpinSpec(config.family))
  for (const set of SET_NAMES) transaction.addSet(setSpec(set, config.family))
  const chains = tableChains(config)
  for (const chain of chains) transaction.addChain(chain)
  for (const { name, rules } of chains) for (const rule of rules) transaction.addRule(name, rule)
  transaction.addVerdictElements(
    TREATMENTS_MAP,
    TREATMENTS.map((treatment) => ({
      key: hostNumber(treatmentNumber(treatment)),
      verdict: { kind: 'goto', chain: treatment },
    })),
  )
}
