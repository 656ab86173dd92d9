import { cidrContains, formatCidr, type IpAddress } from '../../util/address.ts'
import { type Frontend, frontendKey } from '../desired/frontend.ts'
import { explainEndpoints } from './endpoints.ts'
import type { ClientKind, ExplainedFrontend, Explanation, Treatment } from './explanation.ts'
import { explainMasquerade } from './masquerade.ts'
import type { Question } from './question.ts'
import { explainStranger } from './stranger.ts'
import type { ExplainWorld } from './world.ts'

export type Reasoning = Pick<Explanation, 'frontend' | 'treatments'>

/** The frontend that takes the connection: of the address itself, or a node port's. */
export function findFrontend(question: Question, world: ExplainWorld): Frontend | undefined {
  const { address, protocol, port } = question
  const own = world.frontends.get(frontendKey(address, protocol, port))
  if (own !== undefined || !world.nodeAddresses.includes(address)) return own
  return world.frontends.get(frontendKey(undefined, protocol, port))
}

/** Reasons as the dataplane does. Pure: it says what should be, and what is committed; it asks the kernel nothing. */
export function explain(question: Question, world: ExplainWorld): Reasoning {
  const frontend = findFrontend(question, world)
  if (frontend === undefined) return { frontend: undefined, treatments: [explainStranger(question, world)] }
  const { from } = question
  const kinds = from === undefined ? EVERYBODY : clientKinds(from, world)
  return {
    frontend: describeFrontend(frontend, world),
    treatments: joined(kinds.map((kind) => treat(question, frontend, kind, world))),
  }
}

const EVERYBODY: readonly ClientKind[] = ['pod', 'node', 'outside']

/** One treatment for all clients who get the same. */
function joined(treatments: readonly Treatment[]): readonly Treatment[] {
  const groups = new Map<string, Treatment>()
  for (const treatment of treatments) {
    const { clients, ...what } = treatment
    const same = JSON.stringify(what)
    groups.set(same, { ...treatment, clients: [...(groups.get(same)?.clients ?? []), ...clients] })
  }
  return [...groups.values()]
}

/** Both pods and others where an address does not tell them apart. */
function clientKinds(from: IpAddress, world: ExplainWorld): readonly ClientKind[] {
  const isOwn = world.nodeAddresses.includes(from) || from.startsWith('127.') || from === '::1'
  if (world.podInterface !== undefined) return isOwn ? ['node'] : ['pod', 'outside']
  if (world.podCidrs.some((cidr) => cidrContains(cidr, from))) return ['pod']
  return [isOwn ? 'node' : 'outside']
}

function treat(question: Question, frontend: Frontend, kind: ClientKind, world: ExplainWorld): Treatment {
  const clients = [kind]
  const onlyLocal = kind === 'outside' ? frontend.localEndpoints : undefined
  const chosen = onlyLocal ?? frontend.endpoints
  const endpoints = explainEndpoints(frontend, chosen, { ...world, outside: onlyLocal !== undefined })
  const masquerade = explainMasquerade(frontend, kind, world)
  const { from } = question
  const { sourceRanges } = frontend
  if (
    from !== undefined &&
    sourceRanges.length > 0 &&
    !sourceRanges.some((range) => cidrContains(range, from))
  )
    return {
      clients,
      fate: 'dropped',
      why: `${from} is in none of the loadBalancerSourceRanges`,
      masquerade: { applies: false, why: 'nothing passes' },
      endpoints,
    }
  if (chosen.length > 0) {
    const taken = `${chosen.length} ${chosen.length === 1 ? 'endpoint takes all' : 'endpoints take turns'}`
    const but =
      sourceRanges.length > 0 && from === undefined
        ? '; clients outside of the source ranges are dropped'
        : ''
    return { clients, fate: 'balanced', why: taken + but, masquerade, endpoints }
  }
  const none = { clients, masquerade: { applies: false, why: 'nothing passes' }, endpoints }
  if (onlyLocal !== undefined && frontend.endpoints.length > 0)
    return {
      ...none,
      fate: 'dropped',
      why: 'externalTrafficPolicy is Local, and no endpoint is on this node',
    }
  if (frontend.whenEmpty === 'drop')
    return {
      ...none,
      fate: 'dropped',
      why: 'internalTrafficPolicy is Local, and no endpoint is on this node',
    }
  return { ...none, fate: 'rejected', why: 'no endpoint can take it' }
}

function describeFrontend(frontend: Frontend, world: ExplainWorld): ExplainedFrontend {
  const service = world.service(frontend.service)
  return {
    service: frontend.service,
    portName: frontend.portName,
    kind: frontend.kind,
    externalTrafficPolicy: service?.externalTrafficPolicy ?? 'Cluster',
    internalTrafficPolicy: service?.internalTrafficPolicy ?? 'Cluster',
    affinitySeconds: frontend.affinitySeconds,
    sourceRanges: frontend.sourceRanges.map(formatCidr),
    inForce: world.isInForce(frontend.key),
  }
}
