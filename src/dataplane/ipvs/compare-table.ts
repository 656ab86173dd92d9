import type { NftablesSocket } from '../../native/nftables.ts'
import type { Pacer } from '../../util/pacer.ts'
import { compareRules } from '../nf-table/compare-rules.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { eachRecord } from '../nf-table/records.ts'
import { tableChains } from './chains.ts'
import { type Element, formatElement } from './elements.ts'
import type { IpvsConfig } from './ipvs-config.ts'
import type { IpvsState } from './ipvs-state.ts'
import { SET_NAMES, setLayout, TABLE } from './layout.ts'
import { packElements } from './records.ts'
import { shorten } from './shorten.ts'
import { elementsInForce } from './standing.ts'

/** Says in words how the table beside IPVS differs from what it should be. Rejects with a NetlinkError. */
export async function compareTable(
  socket: NftablesSocket,
  config: IpvsConfig,
  state: IpvsState,
  pacer: Pacer,
): Promise<string[]> {
  const family = nftFamily(config.family)
  const tables = await socket.dumpTables(family)
  if (!tables.some(({ name }) => name === TABLE)) return [`table ${family} ${TABLE} is gone`]
  const differences = await compareRules(socket, family, TABLE, tableChains(config))
  const elements = elementsInForce(config, state)
  for (const set of SET_NAMES) {
    const layout = setLayout(set, config.family)
    const bytes = await socket.dumpElements(family, TABLE, set, layout)
    const found = new Set<string>()
    for (const record of eachRecord({ ...layout, count: bytes.length / layout.width, bytes })) {
      found.add(toText(record))
      if (pacer.due()) await pacer.pause()
    }
    const expected = elements.filter((element) => element.set === set)
    const missing: Element[] = []
    let at = 0
    for (const record of eachRecord(await packElements(set, expected, config.family, 'elements', pacer))) {
      const element = expected[at++]
      if (!found.delete(toText(record)) && element !== undefined) missing.push(element)
      if (pacer.due()) await pacer.pause()
    }
    differences.push(...shorten(missing.map((element) => `table lacks ${formatElement(element)}`)))
    if (found.size > 0) differences.push(`set ${set} has ${found.size} foreign elements`)
  }
  return differences
}

/** A byte a character: the shortest key that a Set can compare by value. */
const toText = (record: Uint8Array): string =>
  Buffer.from(record.buffer, record.byteOffset, record.length).toString('latin1')
