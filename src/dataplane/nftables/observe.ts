import { isDeepStrictEqual } from 'node:util'
import { type NftablesSocket, recordWidth } from '../../native/nftables.ts'
import type { Pacer } from '../../util/pacer.ts'
import type { FamilyConfig } from '../family-config.ts'
import { compareRules } from '../nf-table/compare-rules.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { digestRecords, type RecordDigest, sameDigest } from '../nf-table/record-digest.ts'
import { RecordSet } from '../nf-table/record-set.ts'
import { RecordWriter } from '../nf-table/records.ts'
import { constantChains, namedChain } from './chains.ts'
import type { SetWriters } from './element-writers.ts'
import { formatElement } from './format-plan.ts'
import { CLASSES, DATA_SETS, type DataSet, keyWidth, recordLayout, TABLE } from './layout.ts'
import type { Plan } from './plan.ts'
import { renderState } from './render.ts'
import type { TableState } from './table-state.ts'
import { verdictElement } from './transaction.ts'

/** Differences named one by one; how many more there are is said as a number. */
const NAMED_DIFFERENCES = 5

export interface Comparison {
  /** In words; empty when the table is as it should be. */
  readonly differences: readonly string[]
  /** What makes the table right when only elements differ; undefined when more does, or nothing. */
  readonly repair: Plan | undefined
  /** What the elements of the table come to; undefined when they are not as they should be. */
  readonly digests: TableDigests | undefined
}

/** By set. */
export type TableDigests = ReadonlyMap<DataSet, RecordDigest>

/**
 * Reads the whole table back and says how it differs from the state. For the audit only: it costs what the table is
 * large. `clean` is what an earlier look at this same state came to: elements that still do are not compared one by one.
 * Rejects with a NetlinkError.
 */
export async function compareTable(
  socket: NftablesSocket,
  state: TableState,
  config: FamilyConfig,
  clean: TableDigests | undefined,
  pacer: Pacer,
): Promise<Comparison> {
  const family = nftFamily(config.family)
  const tables = await socket.dumpTables(family)
  if (!tables.some((table) => table.name === TABLE))
    return { differences: [`table ${family} ${TABLE} is gone`], repair: undefined, digests: undefined }
  const chains = [...constantChains(config), ...[...state.chains].map((name) => namedChain(name, config))]
  const structure = [
    ...(await compareRules(socket, family, TABLE, chains)),
    ...(await compareClasses(socket, state, config)),
  ]
  const { found, digests } = await compareElements(socket, state, config, clean, pacer)
  const differences = [...structure, ...found.flatMap((difference) => inWords(difference, config))]
  const onlyElements = structure.length === 0 && found.length > 0
  return {
    differences,
    repair: onlyElements ? repairPlan(found, config) : undefined,
    digests: found.length === 0 ? digests : undefined,
  }
}

/** Takes foreign elements out and puts missing ones in; one with other data is both. */
const repairPlan = (elements: readonly SetDifference[], { family }: FamilyConfig): Plan => ({
  family,
  creation: undefined,
  addedChains: [],
  addedClasses: [],
  elements: elements.map(({ set, missing, foreign }) => {
    const layout = recordLayout(set, family)
    const removed = new RecordWriter(keyWidth(layout))
    const added = new RecordWriter(recordWidth(layout))
    for (const record of foreign) removed.begin().copy(record.subarray(0, removed.width))
    for (const record of missing) added.begin().copy(record)
    return { set, removed, added }
  }),
  removedClasses: [],
  removedChains: [],
})

async function compareClasses(
  socket: NftablesSocket,
  state: TableState,
  config: FamilyConfig,
): Promise<string[]> {
  const found = await socket.dumpVerdictElements(nftFamily(config.family), TABLE, CLASSES)
  const text = ({ key, verdict }: { key: Uint8Array; verdict: unknown }): string =>
    `${Buffer.from(key).toString('hex')} ${JSON.stringify(verdict)}`
  const expected = [...state.classNumbers.names()].map((name) =>
    text(verdictElement({ name, number: state.classNumbers.get(name) ?? 0 })),
  )
  const same = isDeepStrictEqual(expected.sort(), found.map(text).sort())
  return same ? [] : [`map ${CLASSES} has other elements`]
}

interface SetDifference {
  readonly set: DataSet
  readonly missing: readonly Uint8Array[]
  readonly foreign: readonly Uint8Array[]
}

const inWords = ({ set, missing, foreign }: SetDifference, config: FamilyConfig): readonly string[] => [
  ...name('lacks', set, missing, config),
  ...name('has foreign', set, foreign, config),
]

async function compareElements(
  socket: NftablesSocket,
  state: TableState,
  config: FamilyConfig,
  clean: TableDigests | undefined,
  pacer: Pacer,
): Promise<{ readonly found: readonly SetDifference[]; readonly digests: TableDigests }> {
  let expected: SetWriters | undefined
  const found: SetDifference[] = []
  const digests = new Map<DataSet, RecordDigest>()
  for (const set of DATA_SETS) {
    const layout = recordLayout(set, config.family)
    const bytes = await socket.dumpElements(nftFamily(config.family), TABLE, set, layout)
    const width = recordWidth(layout)
    const there = { width, count: bytes.length / width, bytes }
    const digest = await digestRecords(there, pacer)
    digests.set(set, digest)
    const before = clean?.get(set)
    if (before !== undefined && sameDigest(before, digest)) continue
    expected ??= await renderState(state, config, pacer)
    const missing = await RecordSet.of(expected[set], pacer)
    const difference = { set, foreign: await missing.takeAll(there, pacer), missing: missing.rest() }
    if (difference.missing.length > 0 || difference.foreign.length > 0) found.push(difference)
  }
  return { found, digests }
}

function name(how: string, set: DataSet, records: readonly Uint8Array[], { family }: FamilyConfig): string[] {
  const shown = records.slice(0, NAMED_DIFFERENCES).map((record) => {
    return `${set} ${how} ${formatElement(set, family, record)}`
  })
  const more = records.length - shown.length
  return more > 0 ? [...shown, `${set} ${how} ${more} more`] : shown
}
