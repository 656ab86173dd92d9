import { type SetSpec, type TypeofTerm, typedSet } from '../../native/nftables.ts'
import { addressLength, type IpFamily } from '../../util/address.ts'

/** The one table, in the families ip and ip6. Everything in it is Hawser's; nothing outside of it is touched. */
export const TABLE = 'hawser'

export const nftFamily = (family: IpFamily): 'ip' | 'ip6' => (family === 'IPv4' ? 'ip' : 'ip6')

/** Slots of one frontend at most: the modulus that the key of `eps` is declared with. */
export const MAX_SLOTS = 65_536

/** What a key or data is concatenated of; each field takes whole registers of four bytes. */
export type Field = 'daddr' | 'saddr' | 'l4proto' | 'dport' | 'slot' | 'priority'

/** The sets whose elements are plain data: a change of them costs the kernel the same at any size. */
export type DataSet = 'svcs' | 'eps' | 'cluster-ips' | 'hairpin'

/** The map from class number to chain, the only one with verdicts. */
export const CLASSES = 'classes'

export type SetName = DataSet | typeof CLASSES

interface SetShape {
  readonly key: readonly Field[]
  readonly data: readonly Field[] | 'verdict' | undefined
}

const SHAPES: Readonly<Record<SetName, SetShape>> = {
  /** Frontend to the number of its class. */
  svcs: { key: ['daddr', 'l4proto', 'dport'], data: ['priority'] },
  /** Frontend and slot to endpoint. */
  eps: { key: ['daddr', 'l4proto', 'dport', 'slot'], data: ['daddr', 'dport'] },
  /** Addresses of ClusterIP frontends: their other ports are rejected, other addresses of the range dropped. */
  'cluster-ips': { key: ['daddr'], data: undefined },
  /** Endpoints that may meet themselves. */
  hairpin: { key: ['saddr', 'daddr'], data: undefined },
  [CLASSES]: { key: ['priority'], data: 'verdict' },
}

export const SET_NAMES: readonly SetName[] = ['svcs', CLASSES, 'eps', 'cluster-ips', 'hairpin']
export const DATA_SETS: readonly DataSet[] = ['svcs', 'eps', 'cluster-ips', 'hairpin']

export interface RecordLayout {
  readonly keyLength: number
  readonly dataLength: number
}

/** Bytes of an element's key and data; a set's data has none. */
export function recordLayout(set: DataSet, family: IpFamily): RecordLayout {
  return { keyLength: lengthOf(keyFields(set), family), dataLength: lengthOf(dataFields(set), family) }
}

export const keyFields = (set: DataSet): readonly Field[] => SHAPES[set].key

export function dataFields(set: DataSet): readonly Field[] {
  const { data } = SHAPES[set]
  return data === undefined || data === 'verdict' ? [] : data
}

/** Bytes of a field in a record. */
export const fieldLength = (field: Field, family: IpFamily): number =>
  field === 'daddr' || field === 'saddr' ? addressLength(family) : 4

/** A set as the kernel is asked for it. `size` is its cap, and lets the kernel use a plain, faster hash table. */
export function setSpec(set: SetName, family: IpFamily, size: number): SetSpec {
  const { key, data } = SHAPES[set]
  const terms = (fields: readonly Field[]): readonly TypeofTerm[] =>
    fields.map((field) => term(field, family))
  if (data === undefined) return typedSet({ name: set, keyTypeof: terms(key), size })
  const dataTypeof = data === 'verdict' ? (['verdict'] as const) : terms(data)
  return typedSet({ name: set, keyTypeof: terms(key), dataTypeof, size })
}

const lengthOf = (fields: readonly Field[], family: IpFamily): number =>
  fields.reduce((length, field) => length + fieldLength(field, family), 0)

/** The field in nft's words. */
function term(field: Field, family: IpFamily): TypeofTerm {
  switch (field) {
    case 'daddr':
      return family === 'IPv4' ? 'ip daddr' : 'ip6 daddr'
    case 'saddr':
      return family === 'IPv4' ? 'ip saddr' : 'ip6 saddr'
    case 'l4proto':
      return 'meta l4proto'
    case 'dport':
      return 'th dport'
    case 'slot':
      return { numgen: 'random', modulus: MAX_SLOTS }
    case 'priority':
      return 'meta priority'
  }
}
