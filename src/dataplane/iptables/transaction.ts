import type { ObjectName } from '../../model/object-name.ts'
import { NftTransaction } from '../../native/nftables.ts'
import type { IpFamily } from '../../util/address.ts'
import type { Pacer } from '../../util/pacer.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import type { Plan } from './plan.ts'
import type { Rule, Table } from './rule.ts'
import { protocolNumber, ruleExpressions } from './rule-expressions.ts'

/** Insertions into one table that follow each other in the transaction, with the operations of the first and last. */
interface Run {
  readonly firstOp: number
  lastOp: number
  /** Indexes into the plan's insertions, in the order of the operations. */
  readonly insertions: number[]
}

/** A plan as the addon takes it, and what its operations are about. */
export interface PlanTransaction {
  readonly transaction: NftTransaction
  /** The Service that each operation is about, by operation. */
  readonly services: readonly (ObjectName | undefined)[]
  /** The handles of the plan's insertions, from what the kernel echoed; undefined when they cannot be told. */
  readonly handlesFrom: (echoed: ReadonlyMap<number, number>) => readonly number[] | undefined
}

/** Writes a plan out, in the plan's order; `pacer` decides when the event loop gets a turn meanwhile. */
export async function planTransaction(plan: Plan, pacer: Pacer): Promise<PlanTransaction> {
  const writer = new PlanWriter(plan.family)
  for (const table of plan.tables) writer.in(table).addTable()
  for (const { table, name, hook } of plan.addedEntries) writer.in(table).addChain({ name, hook })
  for (const { table, chain, handle, service } of plan.deletedRules)
    writer.in(table, service).deleteRule(chain, handle)
  for (const { table, name, service } of plan.flushedChains) {
    writer.in(table, service).flushChain(name)
    if (pacer.due()) await pacer.pause()
  }
  for (const { table, name, service } of plan.addedChains) {
    writer.in(table, service).addChain({ name })
    if (pacer.due()) await pacer.pause()
  }
  for (const { table, name, rules, service } of plan.filledChains) {
    for (const rule of rules) writer.append(table, name, rule, service)
    if (pacer.due()) await pacer.pause()
  }
  const runs = await insert(plan, writer, pacer)
  for (const { table, name, service } of plan.removedChains) {
    writer.in(table, service).deleteChain(name)
    if (pacer.due()) await pacer.pause()
  }
  return { ...writer.done(), handlesFrom: (echoed) => insertedHandles(plan, runs, echoed) }
}

/** Last first, since each goes in front of the one before; table by table, so that each makes one run. */
async function insert(plan: Plan, writer: PlanWriter, pacer: Pacer): Promise<Run[]> {
  const runs: Run[] = []
  for (const table of ['filter', 'nat'] as const) {
    const insertions = plan.insertedRules.flatMap((rule, i) => (rule.table === table ? [i] : [])).reverse()
    if (insertions.length === 0) continue
    const first = writer.in(table).operations
    const run: Run = { firstOp: first, lastOp: first + insertions.length - 1, insertions }
    for (const index of insertions) {
      const inserted = plan.insertedRules[index]
      if (inserted === undefined) continue
      const isEnd = index === insertions[0] || index === insertions.at(-1)
      writer.insert(table, inserted.chain, inserted.rule, isEnd, inserted.service)
      if (pacer.due()) await pacer.pause()
    }
    runs.push(run)
  }
  return runs
}

/**
 * A table numbers its chains and rules one after the other as it is asked to make them, and nobody else gets a turn
 * inside of a transaction (nf_tables_api.c: nf_tables_alloc_handle, under the commit mutex). So of a run of new rules
 * the first and the last handle tell all others, and their distance whether that held: echoing every rule of 10,000
 * Services would not fit a socket's receive buffer.
 */
function insertedHandles(
  plan: Plan,
  runs: readonly Run[],
  echoed: ReadonlyMap<number, number>,
): readonly number[] | undefined {
  const handles = new Array<number>(plan.insertedRules.length)
  for (const { firstOp, lastOp, insertions } of runs) {
    const first = echoed.get(firstOp)
    const last = echoed.get(lastOp)
    if (first === undefined || last === undefined || last - first !== lastOp - firstOp) return undefined
    insertions.forEach((index, i) => {
      handles[index] = first + i
    })
  }
  return handles
}

/** Follows which table the transaction is in, and whose operation is whose. */
class PlanWriter {
  readonly #family: IpFamily
  readonly #transaction: NftTransaction
  readonly #services: (ObjectName | undefined)[] = []
  #service: ObjectName | undefined

  constructor(family: IpFamily) {
    this.#family = family
    this.#transaction = new NftTransaction(nftFamily(family), 'filter')
  }

  /** The transaction, for operations on a table until the next call. */
  in(table: Table, service?: ObjectName): NftTransaction {
    this.#note()
    this.#service = undefined
    if (this.#transaction.table !== table) this.#transaction.useTable(table)
    this.#note()
    this.#service = service
    return this.#transaction
  }

  append(table: Table, chain: string, rule: Rule, service?: ObjectName): void {
    this.#add(table, chain, rule, { atHead: false, echo: false }, service)
  }

  insert(table: Table, chain: string, rule: Rule, echo: boolean, service?: ObjectName): void {
    this.#add(table, chain, rule, { atHead: true, echo }, service)
  }

  done(): Pick<PlanTransaction, 'transaction' | 'services'> {
    this.#note()
    return { transaction: this.#transaction, services: this.#services }
  }

  #add(
    table: Table,
    chain: string,
    rule: Rule,
    where: { readonly atHead: boolean; readonly echo: boolean },
    service: ObjectName | undefined,
  ): void {
    const protocol = rule.protocol === undefined ? 0 : protocolNumber(rule.protocol)
    const expressions = ruleExpressions(rule, this.#family)
    this.in(table, service).addXtablesRule(chain, expressions, { ...where, protocol })
  }

  /** What was written since the last note is about `#service`. */
  #note(): void {
    while (this.#services.length < this.#transaction.operations) this.#services.push(this.#service)
  }
}
