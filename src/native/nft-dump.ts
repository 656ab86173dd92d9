/** Decoders of packed nf_tables dumps; `native/nftables/dump.cc` states each record's layout. */
import {
  type ChainInfo,
  HOOKS,
  type RuleInfo,
  SET_FLAGS,
  type SetInfo,
  type TableInfo,
  type VerdictElement,
} from './nft-objects.ts'
import { readExpressions, readVerdict } from './nft-rule-program.ts'
import { VERDICT_DATA_TYPE } from './nft-transaction.ts'
import type { ProgramReader } from './program.ts'

export const readTable = (reader: ProgramReader): TableInfo => ({
  name: reader.string(),
  flags: reader.u32(),
  handle: reader.u64(),
  use: reader.u32(),
})

export function readChain(reader: ProgramReader): ChainInfo {
  const chain = { name: reader.string(), handle: reader.u64(), use: reader.u32(), userData: reader.blob() }
  if (reader.u8() === 0) return chain
  const type = reader.string()
  const hook = HOOKS[reader.u32()]
  const priority = reader.i32()
  const policy = reader.u32() === 0 ? 'drop' : 'accept'
  // Hooks and types that are not ours to make (ingress of a device, …) are shown as plain chains.
  if (hook === undefined || (type !== 'nat' && type !== 'filter' && type !== 'route')) return chain
  return { ...chain, hook: { type, hook, priority, policy } }
}

export function readSet(reader: ProgramReader): SetInfo {
  const name = reader.string()
  const handle = reader.u64()
  const flags = reader.u32()
  const keyType = reader.u32()
  const keyLength = reader.u32()
  const dataType = reader.u32()
  const dataLength = reader.u32()
  const size = reader.u32()
  const timeoutMs = reader.u64()
  const fieldLengths = Array.from({ length: reader.u8() }, () => reader.u8())
  const userData = reader.blob()
  const data = dataType === VERDICT_DATA_TYPE ? { dataType: 'verdict' as const } : { dataType, dataLength }
  return {
    name,
    handle,
    flags,
    keyType,
    keyLength,
    ...((flags & SET_FLAGS.map) !== 0 ? data : {}),
    ...(size !== 0 ? { size } : {}),
    ...(timeoutMs !== 0 ? { timeoutMs } : {}),
    fieldLengths,
    userData,
  }
}

export const readRule = (reader: ProgramReader): RuleInfo => ({
  chain: reader.string(),
  handle: reader.u64(),
  userData: reader.blob(),
  expressions: readExpressions(reader),
})

export const readVerdictElement = (reader: ProgramReader): VerdictElement => ({
  key: reader.blob(),
  verdict: readVerdict(reader),
})
