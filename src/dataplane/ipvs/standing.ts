import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { type Element, elementsOf, formatElement } from './elements.ts'
import { formatDest, formatSettings } from './format-plan.ts'
import type { IpvsConfig } from './ipvs-config.ts'
import type { IpvsState, ProgrammedServer } from './ipvs-state.ts'
import { TABLE } from './layout.ts'
import { needsShortCircuit, serversOf } from './virtual-servers.ts'

/** All elements that the table has in this state. */
export const elementsInForce = (config: IpvsConfig, state: IpvsState): Element[] => [
  ...[...state.frontends.values()].flatMap((frontend) => frontendElements(frontend, config, state)),
  ...[...state.vips.keys()].map((address): Element => ({ set: 'vips', address })),
]

/** The virtual servers, real servers and elements of one frontend, one a line; nothing for one that is not in force. */
export function describeFrontend(key: FrontendKey, config: IpvsConfig, state: IpvsState): string[] {
  const frontend = state.frontends.get(key)
  if (frontend === undefined) return []
  const servers = serversInForce(frontend, config, state).flatMap(({ settings, dests }) => [
    formatSettings(settings),
    ...[...dests.values()].map((dest) => `  -> ${formatDest(dest)}`),
  ])
  return [...servers, ...describeElements(frontend, config, state)]
}

/** Its virtual servers, those of them that the state has. */
export const serversInForce = (
  frontend: Frontend,
  config: IpvsConfig,
  state: IpvsState,
): readonly ProgrammedServer[] =>
  serversOf(frontend, config.nodeAddresses, markOf(frontend, state)).flatMap(
    ({ key }) => state.server(key) ?? [],
  )

/** What the table has of it, one element a line. */
export function describeElements(frontend: Frontend, config: IpvsConfig, state: IpvsState): string[] {
  const table = `${nftFamily(config.family)} ${TABLE}`
  return frontendElements(frontend, config, state).map(
    (element) => `element ${table} ${formatElement(element)}`,
  )
}

const frontendElements = (frontend: Frontend, config: IpvsConfig, state: IpvsState): Element[] =>
  elementsOf(frontend, config.nodeAddresses, markOf(frontend, state))

const markOf = (frontend: Frontend, { marks }: IpvsState): number | undefined =>
  needsShortCircuit(frontend) ? marks.get(frontend.key) : undefined
