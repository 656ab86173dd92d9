import { CONNTRACK_PROTOCOLS, type StaleFrontend } from '../../native/conntrack.ts'
import { familyOf, type IpAddress } from '../../util/address.ts'
import type { Frontend } from '../desired/frontend.ts'
import { endpointKey, liveEndpoints, takesConnections } from './live-endpoints.ts'

/** What staleness depends on besides the frontends. */
export interface StaleConfig {
  readonly nodeAddresses: readonly IpAddress[]
  /** TCP connections to endpoints that are gone are stale too, where somebody resets them. */
  readonly resetsTcp: boolean
}

/**
 * Which flows a change of one frontend has made stale, one item for each address that it answers on. Flows to endpoints
 * that both have are never among them, nor are those to one that still serves but gets no new ones.
 *
 * UDP and SCTP outlive what they lead to: a client that goes on sending keeps its entry, and with it the translation, for
 * ever. TCP ends by itself, if late: an endpoint that is gone answers nothing, or resets.
 */
export function staleAfterChange(
  before: Frontend | undefined,
  after: Frontend | undefined,
  config: StaleConfig,
): readonly StaleFrontend[] {
  const { nodeAddresses } = config
  const frontend = after ?? before
  if (frontend === undefined) return []
  if (frontend.protocol === 'TCP') return staleTcpAfterChange(before, after, config)
  const had = before === undefined ? [] : liveEndpoints(before)
  const left = new Set(after === undefined ? [] : liveEndpoints(after).map(endpointKey))
  const gone = had.filter((endpoint) => !left.has(endpointKey(endpoint)))
  const took = before !== undefined && takesConnections(before)
  const isFirst = !took && after !== undefined && takesConnections(after)
  if (gone.length === 0 && !isFirst && after !== undefined) return []
  return addressesOf(frontend, nodeAddresses).map((address) => ({
    ...placeOf(frontend, address),
    translated: after === undefined ? 'all' : gone.length > 0 ? 'listed' : 'none',
    untranslated: isFirst,
    endpoints: after === undefined ? [] : gone,
  }))
}

function staleTcpAfterChange(
  before: Frontend | undefined,
  after: Frontend | undefined,
  { nodeAddresses, resetsTcp }: StaleConfig,
): readonly StaleFrontend[] {
  if (!resetsTcp || before === undefined || after === undefined || !answers(after)) return []
  const live = liveEndpoints(after)
  const left = new Set(live.map(endpointKey))
  const gone = liveEndpoints(before).filter((endpoint) => !left.has(endpointKey(endpoint)))
  const waited = !answers(before)
  if (gone.length === 0 && !waited) return []
  return addressesOf(after, nodeAddresses).map((address) => ({
    ...placeOf(after, address),
    translated: waited ? 'unlisted' : 'listed',
    untranslated: false,
    endpoints: waited ? live : gone,
  }))
}

/**
 * Which flows of a frontend are stale when nothing is known of what was before, as at the start of a process: all that
 * lead to other endpoints than it has, and those that pass it by.
 */
export function staleAtStart(
  frontend: Frontend,
  { nodeAddresses, resetsTcp }: StaleConfig,
): readonly StaleFrontend[] {
  const isTcp = frontend.protocol === 'TCP'
  if (isTcp && !(resetsTcp && answers(frontend))) return []
  const endpoints = liveEndpoints(frontend)
  return addressesOf(frontend, nodeAddresses).map((address) => ({
    ...placeOf(frontend, address),
    translated: 'unlisted',
    untranslated: !isTcp && takesConnections(frontend),
    endpoints,
  }))
}

/**
 * Somebody resets a connection under way that is taken for a new one: the endpoint that it is led to, or the rule that
 * refuses it. Elsewhere it would hang, so its entry stays until somebody does.
 */
const answers = (frontend: Frontend): boolean => takesConnections(frontend) || frontend.whenEmpty === 'reject'

/** A node port is on every address of the node: named one by one, so that no other host's port is ever meant. */
const addressesOf = (frontend: Frontend, nodeAddresses: readonly IpAddress[]): readonly IpAddress[] =>
  frontend.address === undefined
    ? nodeAddresses.filter((address) => familyOf(address) === frontend.family)
    : [frontend.address]

const placeOf = (frontend: Frontend, address: IpAddress) => ({
  family: frontend.family,
  protocol: CONNTRACK_PROTOCOLS[frontend.protocol],
  address,
  port: frontend.port,
})
