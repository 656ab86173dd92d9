/** Sends real connections from client, pod and node to frontends of every kind, and prints what became of them. */
import type { CommitOutcome } from '../../../src/dataplane/backend.ts'
import type { Frontend } from '../../../src/dataplane/desired/frontend.ts'
import { IpvsBackend } from '../../../src/dataplane/ipvs/ipvs-backend.ts'
import { cidr } from '../../support/addresses.ts'
import type { Agent, Answer } from '../../support/agent.ts'
import { configOf, frontend, pod } from '../../support/ipvs-frontends.ts'
import { PLACES, SERVER_PORT, ServiceWorld } from '../../support/service-world.ts'

/** What became of a question: `pod-1 10.1.1.1` (who answered, and whom it saw), or in brackets why nobody did. */
export type Fate = string

export interface FateObservations {
  /** Of the IPv4 and the IPv6 backend. */
  readonly outcomes: readonly CommitOutcome['kind'][]
  readonly fates: Readonly<Record<string, readonly Fate[]>>
  readonly audit: readonly string[]
  /** Netlink messages that the addition of an endpoint took, by where it is. */
  readonly messages: { readonly elsewhere: number; readonly here: number }
  /** What nft makes of the IPv4 table. */
  readonly table: string
}

const pods = [pod(1), pod(2), pod(3)]
const VIP = (index: number): string => `10.96.0.${index}`
const LB = (index: number): string => `203.0.113.${index}`

const loadBalancer = (index: number, fields: Partial<Frontend>): Frontend =>
  frontend(LB(index), 80, pods, { kind: 'LoadBalancer', ...fields })

const LB6 = (index: number): string => `fd00:203::${index}`
const pods6 = [pod(1, 'IPv6'), pod(2, 'IPv6')]
const loadBalancer6 = (index: number, fields: Partial<Frontend>): Frontend =>
  frontend(LB6(index), 80, pods6, { kind: 'LoadBalancer', ...fields })

const FRONTENDS: readonly Frontend[] = [
  frontend(VIP(1), 80, pods),
  frontend(VIP(2), 53, pods, { protocol: 'UDP' }),
  frontend(VIP(3), 80, []),
  frontend(VIP(3), 53, [], { protocol: 'UDP' }),
  frontend(VIP(4), 80, pods, { affinitySeconds: 600 }),
  frontend(VIP(5), 80, [pod(1)]),
  frontend(VIP(6), 80, [], { whenEmpty: 'drop' }),
  frontend(undefined, 30080, pods),
  frontend(undefined, 30053, pods, { protocol: 'UDP' }),
  loadBalancer(1, { sourceRanges: [cidr('172.20.0.0/24'), cidr('172.20.0.2/32')] }),
  loadBalancer(2, { sourceRanges: [cidr('198.51.100.0/24')] }),
  loadBalancer(3, { localEndpoints: [pod(1)] }),
  loadBalancer(4, { endpoints: [pod(2), pod(3)], localEndpoints: [] }),
  loadBalancer(5, { localEndpoints: [pod(1)], affinitySeconds: 600 }),
  frontend('fd00:96::1', 80, pods6),
  frontend('fd00:96::1', 53, pods6, { protocol: 'UDP' }),
  frontend('fd00:96::3', 80, []),
  loadBalancer6(1, { sourceRanges: [cidr('fd00:20::/64')] }),
  loadBalancer6(2, { sourceRanges: [cidr('2001:db8::/32')] }),
  loadBalancer6(3, { localEndpoints: [pod(1, 'IPv6')] }),
]

const SILENCE_MS = 600

const fateOf = (answer: Answer): Fate =>
  answer.kind === 'answered'
    ? `${answer.from} ${answer.seenAs}`
    : answer.kind === 'refused'
      ? `(${answer.code})`
      : '(silent)'

async function ask(
  who: Agent,
  address: string,
  port: number,
  count = 1,
  protocol: 'TCP' | 'UDP' = 'TCP',
): Promise<Fate[]> {
  const fates: Fate[] = []
  for (let i = 0; i < count; i++)
    fates.push(fateOf(await who.ask({ protocol, address, port, timeoutMs: SILENCE_MS })))
  return fates
}

async function observeFates({ client, host, servers }: ServiceWorld): Promise<FateObservations['fates']> {
  const [{ agent: first } = { agent: client }, { agent: second } = { agent: client }] = servers
  const node = PLACES.IPv4.node
  return {
    'ClusterIP from client': await ask(client, VIP(1), 80, 6),
    'ClusterIP from pod': await ask(first, VIP(1), 80, 6),
    'ClusterIP from node': await ask(host, VIP(1), 80, 6),
    'ClusterIP over UDP': await ask(first, VIP(2), 53, 6, 'UDP'),
    'NodePort from client': await ask(client, node, 30080, 6),
    'NodePort from node': await ask(host, node, 30080, 3),
    'NodePort over UDP': await ask(client, node, 30053, 6, 'UDP'),
    'no endpoints': await ask(client, VIP(3), 80),
    'no endpoints from node': await ask(host, VIP(3), 80),
    'no endpoints over UDP': await ask(client, VIP(3), 53, 1, 'UDP'),
    'no endpoints over UDP from node': await ask(host, VIP(3), 53, 1, 'UDP'),
    'no endpoints, policy Local': await ask(client, VIP(6), 80),
    'undefined port': await ask(client, VIP(1), 81),
    'listener of the node on a VIP': await ask(client, LB(1), SERVER_PORT),
    'unused address of the range': await ask(client, '10.96.9.9', 80),
    affinity: await ask(client, VIP(4), 80, 6),
    hairpin: await ask(first, VIP(5), 80, 2),
    'in range': await ask(client, LB(1), 80, 3),
    'in range from node': await ask(host, LB(1), 80, 1),
    'out of range': await ask(client, LB(2), 80),
    'Local from client': await ask(client, LB(3), 80, 3),
    'Local from pod': await ask(second, LB(3), 80, 6),
    'Local from node': await ask(host, LB(3), 80, 6),
    'Local without local from client': await ask(client, LB(4), 80),
    'Local without local from pod': await ask(first, LB(4), 80, 2),
    'Local with affinity from pod': await ask(second, LB(5), 80, 4),
    'IPv6 from client': await ask(client, 'fd00:96::1', 80, 4),
    'IPv6 over UDP': await ask(first, 'fd00:96::1', 53, 4, 'UDP'),
    'IPv6 from node': await ask(host, 'fd00:96::1', 80, 2),
    'IPv6 in range': await ask(client, LB6(1), 80, 2),
    'IPv6 out of range': await ask(client, LB6(2), 80),
    'IPv6 Local from client': await ask(client, LB6(3), 80, 2),
    'IPv6 Local from pod': await ask(second, LB6(3), 80, 2),
    'IPv6 without endpoints': await ask(client, 'fd00:96::3', 80),
  }
}

const world = await ServiceWorld.create(3)
try {
  const backend = await IpvsBackend.open(configOf('IPv4'), world.node.path)
  const backend6 = await IpvsBackend.open(configOf('IPv6'), world.node.path)
  const outcome = await backend.rebuild(FRONTENDS.filter(({ family }) => family === 'IPv4'))
  const outcome6 = await backend6.rebuild(FRONTENDS.filter(({ family }) => family === 'IPv6'))
  const errors = [outcome, outcome6].flatMap((one) => ('error' in one ? [one.error.message] : []))
  if (errors.length > 0) throw new Error(errors.join('\n'))
  await world.host.serve(SERVER_PORT, 'the node itself')
  const fates = await observeFates(world)
  const audit = [...(await backend.audit()), ...(await backend6.audit())]
  const endpoints = [pod(1)]
  const added = async (index: number, isHere: boolean): Promise<number> => {
    endpoints.push({ ...pod(index), local: isHere, mayHairpin: isHere })
    const grown = frontend(VIP(5), 80, [...endpoints])
    const before = backend.stats().messages
    await backend.update(new Map([[grown.key, grown]]))
    return backend.stats().messages - before
  }
  const observations: FateObservations = {
    outcomes: [outcome.kind, outcome6.kind],
    fates,
    audit,
    messages: { elsewhere: await added(4, false), here: await added(5, true) },
    table: await world.node.exec('nft', 'list', 'table', 'ip', 'hawser-ipvs'),
  }
  console.log(JSON.stringify(observations))
  await backend.close()
  await backend6.close()
} finally {
  await world.dispose()
}
