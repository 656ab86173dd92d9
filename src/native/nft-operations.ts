import type { NftFamily } from './nft-objects.ts'

/** Operation numbers; `native/nftables/transaction.h` has the same. */
export const OPERATIONS = {
  addTable: 1,
  deleteTable: 2,
  destroyTable: 3,
  addChain: 4,
  deleteChain: 5,
  addSet: 6,
  deleteSet: 7,
  addRule: 8,
  deleteRule: 9,
  flushChain: 10,
  addElements: 11,
  deleteElements: 12,
  addVerdictElements: 13,
  deleteVerdictElements: 14,
  flushSet: 15,
  useTable: 16,
  addXtablesRule: 17,
} as const
export type OperationName = keyof typeof OPERATIONS

/** What is said about one operation when the kernel refuses it. */
export interface Operation {
  readonly name: OperationName
  readonly table: string
  /** The chain or set that it is about; empty when it is about the table. */
  readonly object: string
  /** Of elements. */
  readonly count: number
}

/** "add 5 elements to set eps of table ip hawser" */
export function describeOperation(
  { name, table: tableName, object, count }: Operation,
  family: NftFamily,
): string {
  const table = `table ${family} ${tableName}`
  const elements = `${count} ${count === 1 ? 'element' : 'elements'}`
  switch (name) {
    case 'addTable':
      return `add ${table}`
    case 'deleteTable':
    case 'destroyTable':
      return `delete ${table}`
    case 'useTable':
      return `go on with ${table}`
    case 'addChain':
      return `add chain ${object} to ${table}`
    case 'deleteChain':
      return `delete chain ${object} of ${table}`
    case 'addSet':
      return `add set ${object} to ${table}`
    case 'deleteSet':
      return `delete set ${object} of ${table}`
    case 'flushSet':
      return `flush set ${object} of ${table}`
    case 'addRule':
    case 'addXtablesRule':
      return `add a rule to chain ${object} of ${table}`
    case 'deleteRule':
      return `delete a rule of chain ${object} of ${table}`
    case 'flushChain':
      return `flush chain ${object} of ${table}`
    case 'addElements':
    case 'addVerdictElements':
      return `add ${elements} to set ${object} of ${table}`
    case 'deleteElements':
    case 'deleteVerdictElements':
      return `delete ${elements} of set ${object} of ${table}`
  }
}
