import { isDeepStrictEqual } from 'node:util'
import { type NftablesSocket, recordWidth } from '../../native/nftables.ts'
import type { Pacer } from '../../util/pacer.ts'
import { constantChains, namedChain } from './chains.ts'
import { compareRules } from './compare-rules.ts'
import { formatElement } from './format-plan.ts'
import { CLASSES, DATA_SETS, type DataSet, nftFamily, recordLayout, TABLE } from './layout.ts'
import { eachRecord } from './records.ts'
import { renderState } from './render.ts'
import type { TableConfig } from './table-config.ts'
import type { TableState } from './table-state.ts'
import { verdictElement } from './transaction.ts'

/** Differences named one by one; how many more there are is said as a number. */
const NAMED_DIFFERENCES = 5

/**
 * Reads the whole table back and says in words how it differs from the state; nothing when it does not. For the
 * audit only: it costs what the table is large. Rejects with a NetlinkError.
 */
export async function compareTable(
  socket: NftablesSocket,
  state: TableState,
  config: TableConfig,
  pacer: Pacer,
): Promise<string[]> {
  const family = nftFamily(config.family)
  const tables = await socket.dumpTables(family)
  if (!tables.some((table) => table.name === TABLE)) return [`table ${family} ${TABLE} is gone`]
  const chains = [...constantChains(config), ...[...state.chains].map((name) => namedChain(name, config))]
  return [
    ...(await compareRules(socket, family, TABLE, chains)),
    ...(await compareClasses(socket, state, config)),
    ...(await compareElements(socket, state, config, pacer)),
  ]
}

async function compareClasses(
  socket: NftablesSocket,
  state: TableState,
  config: TableConfig,
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

async function compareElements(
  socket: NftablesSocket,
  state: TableState,
  config: TableConfig,
  pacer: Pacer,
): Promise<string[]> {
  const expected = await renderState(state, config, pacer)
  const differences: string[] = []
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
    differences.push(
      ...name('lacks', set, [...missing], config),
      ...name('has foreign', set, foreign, config),
    )
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

function name(how: string, set: DataSet, records: readonly string[], { family }: TableConfig): string[] {
  const shown = records.slice(0, NAMED_DIFFERENCES).map((record) => {
    return `${set} ${how} ${formatElement(set, family, Buffer.from(record, 'latin1'))}`
  })
  const more = records.length - shown.length
  return more > 0 ? [...shown, `${set} ${how} ${more} more`] : shown
}

/** A byte a character: the shortest key that a Set can compare by value. */
const toText = (record: Uint8Array): string =>
  Buffer.from(record.buffer, record.byteOffset, record.length).toString('latin1')
