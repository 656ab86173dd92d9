/**
 * Reaches endpoints that answer clients directly, past the node, and over SCTP in every proxy mode, with real packets,
 * and prints who answered, and whom they saw.
 */
import { spawn } from 'node:child_process'
import type { Backend } from '../../../src/dataplane/backend.ts'
import type { Frontend } from '../../../src/dataplane/desired/frontend.ts'
import { DEFAULT_IPVS_OPTIONS, type IpvsForward } from '../../../src/dataplane/desired/ipvs-options.ts'
import { IptablesBackend } from '../../../src/dataplane/iptables/iptables-backend.ts'
import { IpvsBackend } from '../../../src/dataplane/ipvs/ipvs-backend.ts'
import type { IpvsConfig } from '../../../src/dataplane/ipvs/ipvs-config.ts'
import { NftablesBackend } from '../../../src/dataplane/nftables/nftables-backend.ts'
import type { ProxyMode } from '../../../src/dataplane/proxy-modes.ts'
import { type IpFamily, parseAddress } from '../../../src/util/address.ts'
import { cidr, ip } from '../../support/addresses.ts'
import { Agent, type Answer } from '../../support/agent.ts'
import { eventually } from '../../support/eventually.ts'
import { configOf, frontend } from '../../support/ipvs-frontends.ts'
import { connect, Netns } from '../../support/netns.ts'

/** Answers as `SERVER seeing CLIENT`, or in brackets why there was none. */
export interface ForwardingObservations {
  /** By method, protocol and family, such as `dr TCP IPv4`. */
  readonly direct: Readonly<Record<string, readonly string[]>>
  /** By mode and family, such as `nftables IPv4`. */
  readonly sctp: Readonly<Record<string, readonly string[]>>
}

const SERVERS = [1, 2] as const
const FAMILIES = ['IPv4', 'IPv6'] as const

/** The direct way of a server leads to the client, past the node. */
const PLACES = {
  IPv4: {
    ...{ client: '192.168.1.2', node: '192.168.1.1', prefix: 24, vip: (n: number) => `10.96.5.${n}` },
    server: (i: number) => ({ node: `172.16.${i}.1`, own: `172.16.${i}.2` }),
    direct: (i: number) => ({ client: `172.17.${i}.1`, own: `172.17.${i}.2` }),
  },
  IPv6: {
    ...{ client: 'fd01::2', node: 'fd01::1', prefix: 64, vip: (n: number) => `fd00:96::5:${n}` },
    server: (i: number) => ({ node: `fd16:${i}::1`, own: `fd16:${i}::2` }),
    direct: (i: number) => ({ client: `fd17:${i}::1`, own: `fd17:${i}::2` }),
  },
} as const

const config = (family: IpFamily): IpvsConfig =>
  configOf(family, {
    podCidrs: [cidr(family === 'IPv4' ? '172.16.0.0/16' : 'fd16::/16')],
    nodeAddresses: [ip(PLACES[family].node)],
  })

const [client, node] = [await Netns.create('client'), await Netns.create('node')]
const servers = new Map<number, Netns>()

const both = (find: (family: IpFamily) => string): string[] =>
  FAMILIES.map((family) => `${find(family)}/${PLACES[family].prefix}`)

async function build(): Promise<void> {
  await node.forwards()
  await connect(
    { netns: client, link: 'node', addresses: both((family) => PLACES[family].client) },
    { netns: node, link: 'client', addresses: both((family) => PLACES[family].node) },
  )
  for (const i of SERVERS) {
    const netns = await Netns.create(`server${i}`)
    servers.set(i, netns)
    await connect(
      { netns, link: 'node', addresses: both((family) => PLACES[family].server(i).own) },
      { netns: node, link: `server${i}`, addresses: both((family) => PLACES[family].server(i).node) },
    )
    await connect(
      { netns, link: 'direct', addresses: both((family) => PLACES[family].direct(i).own) },
      { netns: client, link: `server${i}`, addresses: both((family) => PLACES[family].direct(i).client) },
    )
    for (const family of FAMILIES) {
      const option = family === 'IPv4' ? '-4' : '-6'
      await netns.exec('ip', option, 'route', 'add', 'default', 'via', PLACES[family].direct(i).client)
      for (const n of [1, 2]) await netns.exec('ip', 'address', 'add', PLACES[family].vip(n), 'dev', 'lo')
    }
    for (const tunnel of ['tunl0', 'ip6tnl0']) await netns.exec('ip', 'link', 'set', tunnel, 'up')
    const agent = await Agent.start(netns)
    await agent.serve(80, `server-${i}`)
    agents.push(agent)
    await serveDatagrams(netns, `server-${i}`)
    await serveSctp(netns, `server-${i}`)
  }
  for (const family of FAMILIES) {
    const option = family === 'IPv4' ? '-4' : '-6'
    await client.exec('ip', option, 'route', 'add', 'default', 'via', PLACES[family].node)
  }
}

const agents: Agent[] = []
const listeners: { kill(): void }[] = []

function listen(netns: Netns, what: string, options: readonly string[], answer: string): void {
  const words = [`--net=${netns.path}`, 'socat', ...options, what, `SYSTEM:${answer} $SOCAT_PEERADDR`]
  listeners.push(spawn('nsenter', words, { stdio: 'inherit' }))
}

/** What arrives for a VIP must be answered from it, which a socket of all addresses does for TCP only. */
async function serveDatagrams(netns: Netns, name: string): Promise<void> {
  for (const n of [1, 2]) {
    listen(netns, `UDP4-RECVFROM:81,bind=${PLACES.IPv4.vip(n)},fork`, [], `read question; echo ${name}`)
    listen(netns, `UDP6-RECVFROM:81,bind=[${PLACES.IPv6.vip(n)}],fork`, [], `read question; echo ${name}`)
  }
  await eventually(async () => {
    const bound = await netns.exec('cat', '/proc/net/udp', '/proc/net/udp6')
    return bound.match(/:0051 /g)?.length === 4 ? true : undefined
  })
}

/** Node.js has no SCTP. */
async function serveSctp(netns: Netns, name: string): Promise<void> {
  for (const kind of ['SCTP4-LISTEN:8080', 'SCTP6-LISTEN:8080,ipv6-v6only=1'])
    listen(netns, `${kind},fork,reuseaddr`, ['-U'], `echo ${name}`)
  await eventually(async () => {
    const listening = await netns.exec('cat', '/proc/net/sctp/eps')
    return listening.match(/ 8080 /g)?.length === 2 ? true : undefined
  })
}

const askSctp = async (address: string): Promise<string> => {
  const to = address.includes(':') ? `SCTP6:[${address}]:80` : `SCTP4:${address}:80`
  const said = await client
    .exec('socat', '-u', '-T', '5', `${to},connect-timeout=5`, 'STDOUT')
    .catch((error: { stderr?: string }) => `(${error.stderr?.trim()})`)
  return seeing(said.trim())
}

/** `SERVER CLIENT` as `SERVER seeing CLIENT`; socat writes IPv6 addresses out in full. */
function seeing(said: string): string {
  const [server = '', at = ''] = said.split(' ')
  return `${server} seeing ${parseAddress(at.replace(/^\[(.*)\]$/, '$1')) ?? at}`
}

const told = (answer: Answer): string =>
  answer.kind === 'answered' ? seeing(`${answer.from} ${answer.seenAs}`) : `(${answer.kind})`

async function using<Result>(backend: Backend, frontends: readonly Frontend[], work: () => Promise<Result>) {
  const outcome = await backend.rebuild(frontends)
  if (outcome.kind !== 'committed') throw outcome.error
  try {
    return await work()
  } finally {
    await backend.remove()
    await backend.close()
  }
}

/** Where a frontend under direct return and its endpoints both are: nobody translates. */
const PORTS = { TCP: 80, UDP: 81 } as const

const endpoints = (family: IpFamily, port: number) =>
  SERVERS.map((i) => ({ address: ip(PLACES[family].server(i).own), port, local: false, mayHairpin: false }))

async function direct(agent: Agent, family: IpFamily): Promise<Record<string, string[]>> {
  const methods: readonly IpvsForward[] = ['dr', 'tunnel']
  const kinds = methods.flatMap((forward, n) =>
    (['TCP', 'UDP'] as const).map((protocol) => ({ forward, protocol, vip: PLACES[family].vip(n + 1) })),
  )
  const frontends = kinds.map(({ forward, protocol, vip }) =>
    frontend(vip, PORTS[protocol], endpoints(family, 8080), {
      ...{ protocol, ipvs: { ...DEFAULT_IPVS_OPTIONS, forward } },
    }),
  )
  return using(await IpvsBackend.open(config(family), node.path), frontends, async () => {
    const answers: Record<string, string[]> = {}
    for (const { forward, protocol, vip } of kinds)
      answers[`${forward} ${protocol} ${family}`] = (
        await agent.askOften({ protocol, address: vip, port: PORTS[protocol] }, 4)
      ).map(told)
    return answers
  })
}

const OPEN: Readonly<Record<ProxyMode, (family: IpFamily) => Promise<Backend>>> = {
  nftables: (family) => NftablesBackend.open(config(family), node.path),
  iptables: (family) => IptablesBackend.open(config(family), node.path),
  ipvs: (family) => IpvsBackend.open(config(family), node.path),
}

async function sctp(mode: ProxyMode, family: IpFamily): Promise<string[]> {
  const vip = PLACES[family].vip(9)
  const web = frontend(vip, 80, endpoints(family, 8080), { protocol: 'SCTP' })
  return using(await OPEN[mode](family), [web], async () => {
    const answers: string[] = []
    for (let i = 0; i < (mode === 'ipvs' ? 2 : 10); i++) answers.push(await askSctp(vip))
    return answers
  })
}

try {
  await build()
  const agent = await Agent.start(client)
  agents.push(agent)
  const observations = { direct: {} as Record<string, string[]>, sctp: {} as Record<string, string[]> }
  for (const family of FAMILIES) {
    Object.assign(observations.direct, await direct(agent, family))
    for (const mode of ['nftables', 'iptables', 'ipvs'] as const)
      observations.sctp[`${mode} ${family}`] = await sctp(mode, family)
  }
  console.log(JSON.stringify(observations satisfies ForwardingObservations))
} finally {
  for (const listener of listeners) listener.kill()
  for (const agent of agents) await agent.stop()
  for (const netns of [client, node, ...servers.values()]) await netns.dispose()
}
