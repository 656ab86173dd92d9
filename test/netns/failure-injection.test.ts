import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Backend, CommitOutcome, FrontendChanges } from '../../src/dataplane/backend.ts'
import type { Frontend } from '../../src/dataplane/desired/frontend.ts'
import { DEFAULT_MASQUERADE_MARK, type FamilyConfig } from '../../src/dataplane/family-config.ts'
import { IptablesBackend } from '../../src/dataplane/iptables/iptables-backend.ts'
import { NftablesBackend } from '../../src/dataplane/nftables/nftables-backend.ts'
import { objectName } from '../../src/model/object-name.ts'
import { frontend } from '../support/frontends.ts'
import { Netns } from '../support/netns.ts'
import { type Refusal, RefusingSocket } from '../support/refusing-socket.ts'
import { address, cidr } from '../support/services.ts'

const CONFIG: FamilyConfig = {
  family: 'IPv4',
  serviceCidrs: [cidr('10.96.0.0/16')],
  podCidrs: [cidr('10.1.0.0/16')],
  nodeAddresses: [address('172.20.0.1')],
  masqueradePodEgress: false,
  masqueradeMark: DEFAULT_MASQUERADE_MARK,
  masqueradeAll: false,
}

const BACKENDS: readonly { readonly name: string; open(netns: string): Promise<Backend> }[] = [
  { name: 'nftables', open: (netns) => NftablesBackend.open(CONFIG, netns) },
  { name: 'iptables', open: (netns) => IptablesBackend.open(CONFIG, netns) },
]

/** Errors of every meaning that a backend tells apart, and one that it cannot know. */
const CODES = ['ENOENT', 'ENOMEM', 'EPERM'] as const

const clusterIp = frontend(['10.1.0.2', '10.1.0.3'])
const withAffinity = frontend(['10.1.0.2'], {
  service: objectName('default', 'affine'),
  address: '10.96.0.11',
  affinitySeconds: 60,
})
const nodePort = frontend(['10.1.0.4'], {
  service: objectName('default', 'open'),
  address: 'node',
  protocol: 'TCP',
  port: 30080,
})
const balancer = frontend(['10.1.0.4'], {
  service: objectName('default', 'balanced'),
  address: '203.0.113.1',
  protocol: 'TCP',
  kind: 'LoadBalancer',
  sourceRanges: [cidr('192.0.2.0/24')],
})
const BEFORE = [clusterIp, withAffinity, nodePort]

const CHANGES: readonly (readonly [what: string, before: readonly Frontend[], after: readonly Frontend[]])[] =
  [
    ['the first load', [], BEFORE],
    ['an endpoint more', BEFORE, [{ ...clusterIp, endpoints: nodePort.endpoints }, withAffinity, nodePort]],
    ['no endpoint any more', BEFORE, [{ ...clusterIp, endpoints: [] }, withAffinity, nodePort]],
    ['a Service more, with source ranges', BEFORE, [...BEFORE, balancer]],
    ['a Service less', BEFORE, [withAffinity]],
    [
      'several at once',
      BEFORE,
      [{ ...withAffinity, affinitySeconds: 0 }, { ...nodePort, endpoints: [] }, balancer],
    ],
  ]

let netns: Netns
let socket: RefusingSocket
let backend: Backend

beforeEach(async () => {
  netns = await Netns.create('refusal')
  socket = new RefusingSocket()
})

afterEach(async () => {
  socket.restore()
  await backend?.close()
  await netns.dispose()
})

const byKey = (frontends: readonly Frontend[]) => new Map(frontends.map((item) => [item.key, item] as const))

function changesBetween(before: readonly Frontend[], after: readonly Frontend[]): FrontendChanges {
  const [from, to] = [byKey(before), byKey(after)]
  const keys = [...from.keys(), ...to.keys()].filter((key) => from.get(key) !== to.get(key))
  return new Map(keys.map((key) => [key, to.get(key)]))
}

/** What the backend holds to be in the kernel for these, after a look that all it holds is there and nothing else. */
async function committed(frontends: readonly Frontend[]): Promise<unknown> {
  expect(await backend.audit()).toEqual([])
  // Classes are numbered in the order of their first use, which a refusal may change.
  return frontends.map(({ key }) => backend.describe?.(key).map((line) => line.replace(/4857:\w+/, 'NUMBER')))
}

/** As the reconciler goes on: without the refused ones, then with them, or all anew. */
async function goOn(
  outcome: CommitOutcome,
  changes: FrontendChanges,
  after: readonly Frontend[],
): Promise<void> {
  if (outcome.kind !== 'refused') {
    expect(await backend.rebuild(after)).toEqual({ kind: 'committed' })
    return
  }
  const [late, now] = [true, false].map(
    (isRefused) => new Map([...changes].filter(([key]) => outcome.frontends.has(key) === isRefused)),
  )
  for (const part of [now, late])
    expect(await backend.update(part ?? new Map())).toEqual({ kind: 'committed' })
}

/** Tries `attempt` with the refusal in its way; undefined when it has no such operation. */
async function refused(
  refusal: Refusal,
  attempt: () => Promise<CommitOutcome>,
): Promise<CommitOutcome | undefined> {
  socket.refuse(refusal)
  const outcome = await attempt()
  return socket.refused() === undefined ? undefined : outcome
}

describe.each(BACKENDS)('$name, when the kernel refuses one message', ({ open }) => {
  beforeEach(async () => {
    backend = await open(netns.path)
  })

  it.each(CHANGES)(
    'of %s, holds what was there before and gets there with the next sync',
    async (_, before, after) => {
      const changes = changesBetween(before, after)
      expect(await backend.rebuild(after)).toEqual({ kind: 'committed' })
      const wanted = await committed(after)
      expect(await backend.rebuild(before)).toEqual({ kind: 'committed' })
      const held = await committed(before)
      let attempts = 0
      for (let op = 0; attempts === op * CODES.length; op++)
        for (const code of CODES) {
          const outcome = await refused({ op, code, element: 0 }, () => backend.update(changes))
          if (outcome === undefined) break
          attempts++
          expect(outcome, `${code} at operation ${op}`).not.toMatchObject({ kind: 'committed' })
          expect(await committed(before)).toEqual(held)
          await goOn(outcome, changes, after)
          expect(await committed(after)).toEqual(wanted)
          expect(await backend.rebuild(before)).toEqual({ kind: 'committed' })
        }
      expect(attempts).toBeGreaterThan(CODES.length)
    },
  )

  it.each(['ENOMEM', 'EPERM'] as const)('of a rebuild with %s, holds what was there before', async (code) => {
    expect(await backend.rebuild(BEFORE)).toEqual({ kind: 'committed' })
    const held = await committed(BEFORE)
    let op = 0
    for (; ; op++) {
      const outcome = await refused({ op, code }, () => backend.rebuild([balancer]))
      if (outcome === undefined) break
      // What a rebuild may leave out and go on: it is back to one transaction or none.
      if (outcome.kind === 'committed') expect(await backend.rebuild(BEFORE)).toEqual({ kind: 'committed' })
      expect(await committed(BEFORE)).toEqual(held)
    }
    expect(op).toBeGreaterThan(10)
  })
})
