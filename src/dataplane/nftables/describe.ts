import type { FrontendKey } from '../desired/frontend.ts'
import type { FamilyConfig } from '../family-config.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { eachRecord } from '../nf-table/records.ts'
import { packServiceKey, serviceKeyLength } from '../nf-table/service-key.ts'
import { chainsOf } from './balancers.ts'
import { recordWriters, writeService, writeSource } from './element-writers.ts'
import { writeEndpoints } from './endpoint-elements.ts'
import { formatElement, formatPriority } from './format-plan.ts'
import { CLASSES, type DataSet, TABLE } from './layout.ts'
import { frontendAddresses } from './render.ts'
import { allowedSources } from './source-ranges.ts'
import type { TableState } from './table-state.ts'

/** Elements of one set named one by one; of the others the number is said. */
const NAMED_ELEMENTS = 20

const SETS: readonly DataSet[] = ['eps', 'aidx', 'aeps', 'lbsrc']

/** A frontend's elements and chains in nft's words, as committed; nothing for one that the table does not have. */
export function describeFrontend(
  state: TableState,
  config: FamilyConfig,
  key: FrontendKey,
): readonly string[] {
  const programmed = state.frontends.get(key)
  if (programmed === undefined) return []
  const { frontend, className } = programmed
  const { family } = config
  const number = state.classNumbers.get(className) ?? 0
  const into = recordWriters(family)
  const buffer = new Uint8Array(serviceKeyLength(family))
  for (const address of frontendAddresses(frontend, config)) {
    const serviceKey = packServiceKey(address, frontend.protocol, frontend.port, buffer)
    writeService(into.svcs, serviceKey, number)
    writeEndpoints(into, serviceKey, programmed)
    for (const range of allowedSources(frontend, config)) writeSource(into.lbsrc, serviceKey, range)
  }
  const elements = (set: DataSet): readonly string[] => {
    const lines = [...eachRecord(into[set])].map((record) => formatElement(set, family, record))
    const more = lines.length - NAMED_ELEMENTS
    return [
      ...lines.slice(0, NAMED_ELEMENTS).map((element) => `${set} { ${element} }`),
      ...(more > 0 ? [`${set} { and ${more} more }`] : []),
    ]
  }
  return [
    `table ${nftFamily(family)} ${TABLE}`,
    ...elements('svcs'),
    `${CLASSES} { ${formatPriority(number)} : goto ${className} }`,
    ...chainsOf(className).map((chain) => `chain ${chain}`),
    ...SETS.flatMap(elements),
  ]
}
