import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Conntrack, type ConntrackOptions } from '../../src/dataplane/conntrack/conntrack.ts'
import type { Frontend } from '../../src/dataplane/desired/frontend.ts'
import { type Logger, silentLogger } from '../../src/util/logger.ts'
import { cidr, ip } from '../support/addresses.ts'
import { Agent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { frontend, frontendChange, frontendEndpoint } from '../support/frontends.ts'
import { openProxy } from '../support/proxy.ts'
import { PLACES, ServiceWorld } from '../support/service-world.ts'
import { service, serviceChange, slice, sliceChange } from '../support/services.ts'
import {
  ENDPOINT_PORT,
  ENDPOINTS,
  NODE_ADDRESS,
  TranslatedFlows,
  VIP_PORT,
  VIPS,
} from '../support/translated-flows.ts'

const OLD = ENDPOINTS.IPv4
const NEW = NODE_ADDRESS

let flows: TranslatedFlows
let agent: Agent
let conntrack: Conntrack | undefined
let warnings: string[]

beforeEach(async () => {
  flows = await TranslatedFlows.create()
  agent = await Agent.start(flows.netns)
  warnings = []
})
afterEach(async () => {
  await conntrack?.close()
  conntrack = undefined
  await agent.stop()
  await flows.dispose()
})

const tcp = (
  endpoints: readonly string[],
  more: Partial<Pick<Frontend, 'keptEndpoints' | 'whenEmpty'>> = {},
): Frontend => frontend(endpoints, { ...more, protocol: 'TCP' })

/** Follows a Service with the old endpoint, at which a connection is held. */
async function hold(options: Partial<ConntrackOptions> = {}): Promise<void> {
  const log: Logger = { ...silentLogger, warn: (_, message) => void warnings.push(message) }
  conntrack = await Conntrack.open({
    ...{ netns: flows.netns.path, serviceCidrs: [cidr('10.96.0.0/16')], nodeAddresses: [ip(NODE_ADDRESS)] },
    ...{ synced: async () => {}, bufferBytes: 1 << 20, registry: new Registry(), log },
    ...{ resetsStaleTcp: true, ...options },
  })
  await change(tcp([OLD]))
  await agent.hold('held', VIPS.IPv4, VIP_PORT)
}

async function change(wanted: Frontend): Promise<void> {
  const [endpoint = { address: OLD }] = wanted.endpoints
  const rule = `ip daddr ${VIPS.IPv4} tcp dport ${VIP_PORT} dnat ip to ${endpoint.address}:${ENDPOINT_PORT}`
  await flows.netns.exec('nft', `flush chain inet test output; add rule inet test output ${rule}`)
  conntrack?.change([frontendChange(wanted)])
  await conntrack?.idle()
}

it('a connection to an endpoint that is gone is reset at its next packet, and others go on', async () => {
  await hold()
  await change(tcp([NEW, OLD]))
  await agent.hold('other', VIPS.IPv4, VIP_PORT)
  await change(tcp([NEW]))
  expect(await agent.talk('held')).toMatchObject({ kind: 'refused', code: 'ECONNRESET' })
  expect(await agent.talk('other')).toMatchObject({ kind: 'answered' })
  expect(conntrack?.status().deleted).toBe(1)
  expect(warnings).toEqual([])
})

it('it is reset when the next endpoint comes, where there was silence in between', async () => {
  await hold()
  await change(tcp([], { whenEmpty: 'drop' }))
  expect(conntrack?.status().deleted).toBe(0)
  await change(tcp([NEW]))
  expect(await agent.talk('held')).toMatchObject({ kind: 'refused', code: 'ECONNRESET' })
})

it('it goes on at an endpoint that still serves', async () => {
  await hold()
  await change(tcp([NEW], { keptEndpoints: [frontendEndpoint(OLD)] }))
  expect(await agent.talk('held')).toMatchObject({ kind: 'answered' })
})

it('it goes on where resets were not asked for', async () => {
  await hold({ resetsStaleTcp: false })
  await change(tcp([NEW]))
  expect(await agent.talk('held')).toMatchObject({ kind: 'answered' })
})

it('it goes on where the kernel picks up no connection under way, and that is said once', async () => {
  await flows.netns.sysctl({ 'net.netfilter.nf_conntrack_tcp_loose': 0 })
  await hold()
  await change(tcp([NEW]))
  expect(await agent.talk('held')).toMatchObject({ kind: 'answered' })
  expect(warnings).toEqual([expect.stringContaining('nf_conntrack_tcp_loose is 0')])
})

it('in mode ipvs resets are refused, and that is said once', async () => {
  await hold({ translates: false })
  expect(warnings).toEqual([expect.stringContaining('not reset in mode ipvs')])
})

it.each(['nftables', 'iptables'] as const)(
  'through rules of mode %s a held connection is reset',
  async (mode) => {
    const world = await ServiceWorld.create(2)
    const proxy = await openProxy(world.node.path, { mode, tracksConnections: true, resetsStaleTcp: true })
    const lead = async (...to: readonly number[]): Promise<void> => {
      proxy.apply([
        sliceChange(
          slice(
            'web',
            to.map((index) => PLACES.IPv4.subnet(index).server),
          ),
        ),
      ])
      await proxy.synced()
    }
    try {
      proxy.apply([serviceChange(service('web', '10.96.0.1'))])
      await lead(1)
      await eventually(() => (proxy.conntrackStatus()?.engine?.resyncs ? true : undefined))
      await world.client.hold('held', '10.96.0.1', 80)
      expect(await world.client.talk('held')).toMatchObject({ kind: 'answered', from: 'pod-1' })
      await lead(2)
      await eventually(() => (proxy.conntrackStatus()?.deleted === 1 ? true : undefined))
      expect(await world.client.talk('held')).toMatchObject({ kind: 'refused', code: 'ECONNRESET' })
      // Without any endpoint it is the rules that refuse.
      await world.client.hold('last', '10.96.0.1', 80)
      await lead()
      await eventually(() => (proxy.conntrackStatus()?.deleted === 2 ? true : undefined))
      expect(await world.client.talk('last')).toMatchObject({ kind: 'refused', code: 'ECONNRESET' })
    } finally {
      await proxy.close()
      await world.dispose()
    }
  },
)
