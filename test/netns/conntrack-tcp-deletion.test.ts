import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ConntrackFilter, ConntrackSocket } from '../../src/native/conntrack.ts'
import { ip } from '../support/addresses.ts'
import { Agent } from '../support/agent.ts'
import { ENDPOINT_PORT, NODE_ADDRESS, TranslatedFlows, VIP_PORT, VIPS } from '../support/translated-flows.ts'

let flows: TranslatedFlows
let agent: Agent
let socket: ConntrackSocket

beforeEach(async () => {
  flows = await TranslatedFlows.create()
  agent = await Agent.start(flows.netns)
  socket = await ConntrackSocket.open({ netns: flows.netns.path })
})
afterEach(async () => {
  await socket.close()
  await agent.stop()
  await flows.dispose()
})

const toVip: ConntrackFilter = {
  family: 'IPv4',
  protocol: 'TCP',
  original: { destination: ip(VIPS.IPv4), destinationPort: VIP_PORT },
}

/** Another endpoint takes the place of the one that connections were made to. */
async function replaceEndpoint(): Promise<void> {
  const rule = `ip daddr ${VIPS.IPv4} tcp dport ${VIP_PORT} dnat ip to ${NODE_ADDRESS}:${ENDPOINT_PORT}`
  await flows.netns.exec('nft', `flush chain inet test output; add rule inet test output ${rule}`)
}

it('a TCP connection goes on at its endpoint while its entry is there, whatever the rules say', async () => {
  await agent.hold('held', VIPS.IPv4, VIP_PORT)
  await replaceEndpoint()
  expect(await agent.talk('held')).toMatchObject({ kind: 'answered' })
})

it('one whose entry is deleted is reset at its next packet, by the endpoint that takes over', async () => {
  // The kernel takes the packet for the first of a new connection (nf_conntrack_tcp_loose) and translates it anew.
  await agent.hold('held', VIPS.IPv4, VIP_PORT)
  await replaceEndpoint()
  expect(await socket.delete([toVip])).toBe(1)
  expect(await agent.talk('held')).toMatchObject({ kind: 'refused', code: 'ECONNRESET' })
})

it('one whose entry is deleted hangs where the kernel picks up no connection under way', async () => {
  await flows.netns.sysctl({ 'net.netfilter.nf_conntrack_tcp_loose': 0 })
  await agent.hold('held', VIPS.IPv4, VIP_PORT)
  await replaceEndpoint()
  expect(await socket.delete([toVip])).toBe(1)
  expect(await agent.talk('held')).toMatchObject({ kind: 'silent' })
})
