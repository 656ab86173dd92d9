import type { IpAddress } from '../../util/address.ts'
import type { Pacer } from '../../util/pacer.ts'
import type { Frontend } from '../desired/frontend.ts'
import type { FamilyConfig } from '../family-config.ts'
import { packServiceKey, serviceKeyLength } from '../nf-table/service-key.ts'
import {
  recordWriters,
  type SetWriters,
  writeClusterIp,
  writeHairpin,
  writeService,
  writeSource,
} from './element-writers.ts'
import { writeEndpoints } from './endpoint-elements.ts'
import { allowedSources } from './source-ranges.ts'
import type { TableState } from './table-state.ts'

/** Where a frontend answers: its own address, or as a node port each of the node's. */
export const frontendAddresses = (frontend: Frontend, config: FamilyConfig): readonly IpAddress[] =>
  frontend.address === undefined ? config.nodeAddresses : [frontend.address]

/** All elements that a table in this state has. */
export async function renderState(
  state: TableState,
  config: FamilyConfig,
  pacer: Pacer,
): Promise<SetWriters> {
  const into = recordWriters(config.family)
  const buffer = new Uint8Array(serviceKeyLength(config.family))
  for (const programmed of state.frontends.values()) {
    const { frontend, className } = programmed
    for (const address of frontendAddresses(frontend, config)) {
      const key = packServiceKey(address, frontend.protocol, frontend.port, buffer)
      writeService(into.svcs, key, state.classNumbers.get(className) ?? 0)
      writeEndpoints(into, key, programmed)
      for (const range of allowedSources(frontend, config)) writeSource(into.lbsrc, key, range)
    }
    if (pacer.due()) await pacer.pause()
  }
  for (const address of state.hairpins.keys()) {
    writeHairpin(into.hairpin, address)
    if (pacer.due()) await pacer.pause()
  }
  for (const address of state.clusterIps.keys()) {
    writeClusterIp(into['cluster-ips'], address)
    if (pacer.due()) await pacer.pause()
  }
  return into
}
