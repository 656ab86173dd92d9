import { type SetSpec, type TypeofTerm, typedSet } from '../../native/nftables.ts'
import { addressLength, type IpFamily } from '../../util/address.ts'

/** The one table, in the families ip and ip6. Everything in it is Hawser's; nothing outside of it is touched. */
export const TABLE = 'hawser'

/** Slots of one frontend at most: the modulus that the key of `eps` is declared with. */
export const MAX_SLOTS = 65_536

/**
 * Slots from here on are a second range of a frontend, for the endpoints of clients from outside where those are not
 * the first of all its endpoints.
 */
export const UPPER_SLOTS = 32_768

/** What a key or data is concatenated of; each field takes whole registers of four bytes. */
export type Field = 'daddr' | 'saddr' | 'l4proto' | 'dport' | 'slot' | 'priority' | 'mark'

/** The sets whose elements are plain data: a change of them costs the kernel the same at any size. */
export type DataSet = 'svcs' | 'eps' | 'aidx' | 'aeps' | 'lbsrc' | 'cluster-ips' | 'hairpin'

/** The map from class number to chain, the only one with verdicts. */
export const CLASSES = 'classes'

/** What packets wrote: the endpoint that each client of a frontend with affinity had last. */
export const AFFINITY = 'aff'

/** Clients remembered at most; the kernel gives a set that may hold as many 16 MB at once. */
export const AFFINITY_CLIENTS = 1_000_000

/** The longest affinity of all, in ms (core/v1 ClientIPConfig: 86,400 s); each element has its own. */
const AFFINITY_TIMEOUT_MS = 86_400_000

export type SetName = DataSet | typeof CLASSES | typeof AFFINITY

interface SetShape {
  readonly key: readonly Field[]
  readonly data: readonly Field[] | 'verdict' | undefined
  readonly flags?: NonNullable<SetSpec['flags']>
  readonly timeoutMs?: number
}

const SERVICE: readonly Field[] = ['daddr', 'l4proto', 'dport']
const ENDPOINT: readonly Field[] = ['daddr', 'dport']

const SHAPES: Readonly<Record<SetName, SetShape>> = {
  /** Frontend to the number of its class. */
  svcs: { key: SERVICE, data: ['priority'] },
  /** Frontend and slot to endpoint. */
  eps: { key: [...SERVICE, 'slot'], data: ENDPOINT },
  /** With affinity: frontend and slot to the ID of an endpoint, … */
  aidx: { key: [...SERVICE, 'slot'], data: ['mark'] },
  /** … and frontend and ID to the endpoint. */
  aeps: { key: [...SERVICE, 'mark'], data: ENDPOINT },
  /** Load-balancer frontends and the sources that may reach them. */
  lbsrc: { key: [...SERVICE, 'saddr'], data: undefined, flags: ['interval'] },
  /** Addresses of ClusterIP frontends: their other ports are rejected, other addresses of the range dropped. */
  'cluster-ips': { key: ['daddr'], data: undefined },
  /** Endpoints that may meet themselves. */
  hairpin: { key: ['saddr', 'daddr'], data: undefined },
  [AFFINITY]: {
    key: [...SERVICE, 'saddr'],
    data: ['mark'],
    flags: ['eval', 'timeout'],
    timeoutMs: AFFINITY_TIMEOUT_MS,
  },
  [CLASSES]: { key: ['priority'], data: 'verdict' },
}

export const DATA_SETS: readonly DataSet[] = [
  'svcs',
  'eps',
  'aidx',
  'aeps',
  'lbsrc',
  'cluster-ips',
  'hairpin',
]
export const SET_NAMES: readonly SetName[] = [...DATA_SETS, CLASSES, AFFINITY]

export interface RecordLayout {
  readonly keyLength: number
  /** Whether a key is a range: its first value is followed by its last. */
  readonly keyEnd: boolean
  readonly dataLength: number
}

/** Bytes of an element's key and data; a set's data has none. */
export function recordLayout(set: DataSet, family: IpFamily): RecordLayout {
  return {
    keyLength: lengthOf(keyFields(set), family),
    keyEnd: isRange(set),
    dataLength: lengthOf(dataFields(set), family),
  }
}

/** Bytes of a key in a record, the range's end included. */
export const keyWidth = ({ keyLength, keyEnd }: RecordLayout): number => (keyEnd ? 2 : 1) * keyLength

export const isRange = (set: DataSet): boolean => SHAPES[set].flags?.includes('interval') ?? false

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
  const { key, data, ...rest } = SHAPES[set]
  const terms = (fields: readonly Field[]): readonly TypeofTerm[] =>
    fields.map((field) => term(field, family))
  if (data === undefined) return typedSet({ name: set, keyTypeof: terms(key), size, ...rest })
  const dataTypeof = data === 'verdict' ? (['verdict'] as const) : terms(data)
  return typedSet({ name: set, keyTypeof: terms(key), dataTypeof, size, ...rest })
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
    case 'mark':
      return 'ct mark'
  }
}
