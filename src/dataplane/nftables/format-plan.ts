import { formatAddress, type IpFamily } from '../../util/address.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { eachRecord, readHostNumber } from '../nf-table/records.ts'
import {
  type DataSet,
  dataFields,
  type Field,
  fieldLength,
  isRange,
  keyFields,
  recordLayout,
  TABLE,
} from './layout.ts'
import type { Creation, NumberedClass, Plan } from './plan.ts'

/** The plan as lines of nft's own language, one an object; chains of classes without their rules. */
export function formatPlan(plan: Plan): string[] {
  const table = `${nftFamily(plan.family)} ${TABLE}`
  const lines: string[] = []
  if (plan.creation !== undefined) lines.push(...formatCreation(plan.creation, table))
  for (const chain of plan.addedChains) lines.push(`add chain ${table} ${chain}`)
  for (const added of plan.addedClasses) lines.push(`add element ${table} classes { ${numbered(added)} }`)
  for (const { set, removed, added } of plan.elements) {
    for (const record of eachRecord(removed))
      lines.push(`delete element ${table} ${set} { ${formatKey(set, plan.family, record)} }`)
    for (const record of eachRecord(added))
      lines.push(`add element ${table} ${set} { ${formatElement(set, plan.family, record)} }`)
  }
  for (const gone of plan.removedClasses) lines.push(`delete element ${table} classes { ${numbered(gone)} }`)
  for (const chain of plan.removedChains) lines.push(`delete chain ${table} ${chain}`)
  return lines
}

function formatCreation({ kept }: Creation, table: string): readonly string[] {
  if (kept === undefined) return [`destroy table ${table}`, `add table ${table}`]
  return [
    ...kept.chains.map((chain) => `flush chain ${table} ${chain}`),
    ...kept.sets.map((set) => `delete set ${table} ${set}`),
    ...kept.chains.map((chain) => `delete chain ${table} ${chain}`),
  ]
}

/** A key as nft prints it: `10.96.0.1 . tcp . 80 . 0`, with a range `10.96.0.1 . tcp . 80 . 10.0.0.0-10.0.0.255`. */
export function formatKey(set: DataSet, family: IpFamily, record: Uint8Array): string {
  const first = formatFields(keyFields(set), family, record)
  if (!isRange(set)) return first.join(' . ')
  const { keyLength } = recordLayout(set, family)
  const last = formatFields(keyFields(set), family, record.subarray(keyLength))
  return first.map((text, i) => (text === last[i] ? text : `${text}-${last[i]}`)).join(' . ')
}

/** An element as nft prints it: its key and, in a map, its data. */
export function formatElement(set: DataSet, family: IpFamily, record: Uint8Array): string {
  const key = formatKey(set, family, record)
  const data = dataFields(set)
  if (data.length === 0) return key
  const { keyLength } = recordLayout(set, family)
  return `${key} : ${formatFields(data, family, record.subarray(keyLength)).join(' . ')}`
}

const numbered = ({ name, number }: NumberedClass): string => `${formatPriority(number)} : goto ${name}`

function formatFields(fields: readonly Field[], family: IpFamily, bytes: Uint8Array): string[] {
  let at = 0
  return fields.map((field) => {
    const length = fieldLength(field, family)
    const text = formatField(field, bytes.subarray(at, at + length))
    at += length
    return text
  })
}

function formatField(field: Field, bytes: Uint8Array): string {
  switch (field) {
    case 'daddr':
    case 'saddr':
      return formatAddress(bytes)
    case 'l4proto':
      return PROTOCOL_NAMES[bytes[0] ?? 0] ?? String(bytes[0])
    case 'dport':
      return String((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0))
    case 'slot':
      return String(readHostNumber(bytes, 0))
    case 'priority':
      return formatPriority(readHostNumber(bytes, 0))
    case 'mark':
      return `0x${readHostNumber(bytes, 0).toString(16).padStart(8, '0')}`
  }
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' }

/** A priority as traffic control writes class ids: major and minor in hexadecimal. */
export const formatPriority = (value: number): string =>
  `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`
