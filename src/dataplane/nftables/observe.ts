import { isDeepStrictEqual } from 'node:util'
import { type NftablesSocket, recordWidth } from '../../native/nftables.ts'
import type { Pacer } from '../../util/pacer.ts'
import type { FamilyConfig } from '../family-config.ts'
import { compareRules } from '../nf-table/compare-rules.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { eachRecord, RecordWriter } from '../nf-table/records.ts'
import { constantChains, namedChain } from './chains.ts'
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
}

/**
 * Reads the whole table back and says how it differs from the state. For the audit only: it costs what the table is
 * large. Rejects with a NetlinkError.
 */
export async function compareTable(
  socket: NftablesSocket,
  state: TableState,
  config: FamilyConfig,
  pacer: Pacer,
): Promise<Comparison> {
  const family = nftFamily(config.family)
  const tables = await socket.dumpTables(family)
  if (!tables.some((table) => table.name === TABLE))
    return { differences: [`table ${family} ${TABLE} is gone`], repair: undefined }
  const chains = [...constantChains(config), ...[...state.chains].map((name) => namedChain(name, config))]
  const structure = [
    ...(await compareRules(socket, family, TABLE, chains)),
    ...(await compareClasses(socket, state, config)),
  ]
  const elements = await compareElements(socket, state, config, pacer)
  const differences = [...structure, ...elements.flatMap((difference) => inWords(difference, config))]
  const onlyElements = structure.length === 0 && elements.length > 0
  return { differences, repair: onlyElements ? repairPlan(elements, config) : undefined }
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
    for (const record of foreign) removed.begin().copy(toRecord(record).subarray(0, removed.width))
    for (const record of missing) added.begin().copy(toRecord(record))
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

/** Records as texts, see `toText`. */
interface SetDifference {
  readonly set: DataSet
  readonly missing: readonly string[]
  readonly foreign: readonly string[]
}

const inWords = ({ set, missing, foreign }: SetDifference, config: FamilyConfig): readonly string[] => [
  ...name('lacks', set, missing, config),
  ...name('has foreign', set, foreign, config),
]

async function compareElements(
  socket: NftablesSocket,
  state: TableState,
  config: FamilyConfig,
  pacer: Pacer,
): Promise<SetDifference[]> {
  const expected = await renderState(state, config, pacer)
  const differences: SetDifference[] = []
  for (const set of DATA_SETS) {
    const layout = recordLayout(set, config.family)
    const bytes = await socket.dumpElements(nftFamily(config.family), TABLE, set, layout)
    const width = recordWidth(layout)
    const found = { width, count: bytes.length / width, bytes }
    const missing = await recordSet(expected[set], pacer)
    const foreign: string[] = []
    for (const record of eachRecord(found)) {
      const text = toText(record)
      if (!missing.delete(text)) foreign.push(text)
      if (pacer.due()) await pacer.pause()
    }
    if (missing.size > 0 || foreign.length > 0) differences.push({ set, missing: [...missing], foreign })
  }
  return differences
}

async function recordSet(records: { bytes: Uint8Array; width: number; count: number }, pacer: Pacer) {
  const texts = new Set<string>()
  for (const record of eachRecord(records)) {
    texts.add(toText(record))
    if (pacer.due()) await pacer.pause()
  }
  return texts
}

function name(how: string, set: DataSet, records: readonly string[], { family }: FamilyConfig): string[] {
  const shown = records.slice(0, NAMED_DIFFERENCES).map((record) => {
    return `${set} ${how} ${formatElement(set, family, toRecord(record))}`
  })
  const more = records.length - shown.length
  return more > 0 ? [...shown, `${set} ${how} ${more} more`] : shown
}

/** A byte a character: the shortest key that a Set can compare by value. */
const toText = (record: Uint8Array): string =>
  Buffer.from(record.buffer, record.byteOffset, record.length).toString('latin1')

const toRecord = (text: string): Uint8Array => Buffer.from(text, 'latin1')
