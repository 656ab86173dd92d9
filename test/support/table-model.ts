import { eachRecord, type Records } from '../../src/dataplane/nf-table/records.ts'
import { DATA_SETS, type DataSet, keyWidth, recordLayout } from '../../src/dataplane/nftables/layout.ts'
import type { Plan } from '../../src/dataplane/nftables/plan.ts'

/** A table as the kernel would have it after plans, as strict as the kernel about what is there and what is not. */
export class TableModel {
  readonly #elements = new Map<DataSet, Map<string, string>>()
  readonly #classes = new Map<number, string>()
  readonly #chains = new Set<string>()

  constructor() {
    for (const set of DATA_SETS) this.#elements.set(set, new Map())
  }

  /** Throws where the kernel would answer EEXIST, ENOENT or EBUSY. */
  apply(plan: Plan): void {
    if (plan.creation !== undefined) this.#clear()
    for (const chain of plan.addedChains) {
      if (this.#chains.has(chain)) throw new Error(`chain ${chain} exists`)
      this.#chains.add(chain)
    }
    for (const { name, number } of plan.addedClasses) {
      if (this.#classes.has(number)) throw new Error(`class ${number} exists`)
      this.#classes.set(number, name)
    }
    for (const { set, removed, added } of plan.elements) {
      const keyLength = keyWidth(recordLayout(set, plan.family))
      for (const record of eachRecord(removed)) this.#remove(set, hex(record))
      for (const record of eachRecord(added))
        this.#add(set, hex(record.subarray(0, keyLength)), hex(record.subarray(keyLength)))
    }
    for (const { number } of plan.removedClasses)
      if (!this.#classes.delete(number)) throw new Error(`class ${number} is not there`)
    for (const chain of plan.removedChains)
      if (!this.#chains.delete(chain)) throw new Error(`chain ${chain} is not there`)
    this.#checkReferences()
  }

  /** Elements of a set, key and data in hexadecimal. */
  elements(set: DataSet): string[] {
    return [...(this.#elements.get(set) ?? [])].map(([key, data]) => key + data).sort()
  }

  /** Data of the element with this key, both in hexadecimal; undefined when there is none. */
  lookUp(set: DataSet, key: string): string | undefined {
    return this.#elements.get(set)?.get(key)
  }

  /** The chain that a class number leads to. */
  chainOf(classNumber: number): string | undefined {
    return this.#classes.get(classNumber)
  }

  #clear(): void {
    for (const elements of this.#elements.values()) elements.clear()
    this.#classes.clear()
    this.#chains.clear()
  }

  #add(set: DataSet, key: string, data: string): void {
    const elements = this.#elements.get(set)
    if (elements?.has(key)) throw new Error(`${set} has ${key}`)
    elements?.set(key, data)
  }

  #remove(set: DataSet, key: string): void {
    if (this.#elements.get(set)?.delete(key) !== true) throw new Error(`${set} has no ${key}`)
  }

  #checkReferences(): void {
    const numbers = new Set([...this.#classes.keys()].map(String))
    for (const data of this.#elements.get('svcs')?.values() ?? []) {
      const number = Buffer.from(data, 'hex').readUInt32LE()
      if (!numbers.has(String(number))) throw new Error(`svcs names class ${number}, which is not there`)
    }
  }
}

/** Elements of packed records, as `TableModel.elements` has them. */
export const recordTexts = (records: Records): string[] => [...eachRecord(records)].map(hex).sort()

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
