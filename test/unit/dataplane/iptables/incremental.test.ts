import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DesiredCompiler } from '../../../../src/dataplane/desired/compiler.ts'
import type { Frontend, FrontendKey } from '../../../../src/dataplane/desired/frontend.ts'
import { DEFAULT_MASQUERADE_MARK } from '../../../../src/dataplane/family-config.ts'
import { formatPlan } from '../../../../src/dataplane/iptables/format-plan.ts'
import { PlanBuilder } from '../../../../src/dataplane/iptables/plan-builder.ts'
import { TableState } from '../../../../src/dataplane/iptables/table-state.ts'
import type { Change } from '../../../../src/model/change.ts'
import { Pacer } from '../../../../src/util/pacer.ts'
import { ChainModel } from '../../../support/chain-model.ts'
import {
  address,
  cidr,
  goneChange,
  port,
  service,
  serviceChange,
  slice,
  sliceChange,
  sliceEndpoint,
} from '../../../support/services.ts'

const CONFIG = {
  family: 'IPv4',
  serviceCidrs: [cidr('10.96.0.0/16')],
  podCidrs: [cidr('10.1.0.0/16')],
  nodeAddresses: [address('172.20.0.1')],
  masqueradePodEgress: false,
  masqueradeMark: DEFAULT_MASQUERADE_MARK,
  masqueradeAll: false,
} as const
const SHARED = [
  'filter KUBE-SERVICES',
  'filter KUBE-EXTERNAL-SERVICES',
  'filter KUBE-PROXY-FIREWALL',
  'filter KUBE-CLUSTER-IPS',
  'filter KUBE-REFUSE',
  'filter KUBE-NODEPORTS',
  'nat KUBE-SERVICES',
  'nat KUBE-NODEPORTS',
  'nat KUBE-MARK-MASQ',
]

const policy = fc.constantFrom('Cluster' as const, 'Local' as const)
/** Few names, addresses and node ports, so that Services claim each other's. */
const serviceChanges = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c'),
    host: fc.integer({ min: 1, max: 3 }),
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const),
    nodePort: fc.constantFrom(0, 30080, 30081),
    external: fc.boolean(),
    ranges: fc.subarray(['172.16.0.0/12', '198.51.100.0/24']),
    affinitySeconds: fc.constantFrom(0, 60),
    healthCheckNodePort: fc.constantFrom(0, 32000),
    internalTrafficPolicy: policy,
    externalTrafficPolicy: policy,
    isGone: fc.boolean(),
  })
  .map(({ name, host, protocol, nodePort, external, ranges, isGone, ...fields }): Change => {
    const change = serviceChange(
      service(name, `10.96.0.${host}`, {
        type: 'LoadBalancer',
        ports: [port({ protocol, nodePort }), port({ name: 'second', protocol, port: 81 })],
        externalIPs: external ? [address('192.0.2.1')] : [],
        loadBalancerIPs: external ? [address('192.0.2.2')] : [],
        loadBalancerSourceRanges: ranges.map(cidr),
        ...fields,
      }),
    )
    return isGone ? goneChange(change) : change
  })
const sliceChanges = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c'),
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const),
    here: fc.subarray([1, 2, 3]),
    there: fc.subarray([1, 2, 3]),
  })
  .map(({ name, protocol, here, there }): Change => {
    const endpoints = [
      ...here.map((host) => sliceEndpoint(`10.1.0.${host}`)),
      ...there.map((host) => sliceEndpoint(`10.2.0.${host}`, { nodeName: 'there' })),
    ]
    const ports = ['', 'second'].map((port) => ({ name: port, protocol, port: 8080 }))
    return sliceChange(slice(name, endpoints, { family: 'IPv4', ports }))
  })

/** Applies every batch with a plan of its own to a model of the kernel's tables. */
async function modelAfter(batches: readonly (readonly Change[])[]): Promise<ChainModel> {
  const compiler = new DesiredCompiler({ families: ['IPv4'], nodeName: 'here' })
  const state = new TableState()
  const model = new ChainModel(SHARED)
  let handle = 0
  for (const batch of batches) {
    for (const change of batch) compiler.apply(change)
    const builder = new PlanBuilder(CONFIG, state)
    // A batch may move an address from one Service to another: what it comes to is what counts.
    const frontends = new Map<FrontendKey, Frontend | undefined>()
    for (const { key, frontend } of compiler.compile()) frontends.set(key, frontend)
    for (const [key, frontend] of frontends) builder.add(key, frontend)
    const { plan, adopt } = await builder.finish(new Pacer())
    model.apply(formatPlan(plan))
    adopt(plan.insertedRules.map(() => ++handle))
  }
  return model
}

describe('iptables plans, one after the other', () => {
  it('lead to the same chains and rules as one plan from scratch', async () => {
    const changes = fc.oneof(serviceChanges, sliceChanges)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(changes, { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
        async (batches) => {
          const incremental = await modelAfter(batches)
          const scratch = await modelAfter([batches.flat()])
          expect(incremental.listing()).toEqual(scratch.listing())
        },
      ),
      { numRuns: 300 },
    )
  })
})
