import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DesiredCompiler } from '../../../src/dataplane/desired/compiler.ts'
import { DEFAULT_MASQUERADE_MARK, type FamilyConfig } from '../../../src/dataplane/family-config.ts'
import { PlanBuilder } from '../../../src/dataplane/nftables/plan-builder.ts'
import { TableState } from '../../../src/dataplane/nftables/table-state.ts'
import type { Change } from '../../../src/model/change.ts'
import { Pacer } from '../../../src/util/pacer.ts'
import {
  histories,
  lastWords,
  NODE_ADDRESSES,
  POD_CIDR,
  SERVICE_CIDR,
  ZONE,
} from '../../support/random-services.ts'
import { type Expected, ServiceOracle } from '../../support/service-oracle.ts'
import { address } from '../../support/services.ts'
import { TableModel } from '../../support/table-model.ts'
import { type Fate, type Packet, TableWalk } from '../../support/table-walk.ts'

const CONFIG: FamilyConfig = {
  family: 'IPv4',
  serviceCidrs: [SERVICE_CIDR],
  podCidrs: [POD_CIDR],
  nodeAddresses: NODE_ADDRESSES,
  masqueradePodEgress: false,
  masqueradeMark: DEFAULT_MASQUERADE_MARK,
  masqueradeAll: false,
}

/** Pods of this node and elsewhere, the node, and clients inside and outside of the source ranges. */
const SOURCES = ['10.1.0.1', '10.1.0.9', '10.1.9.9', '172.20.0.1', '192.0.2.9', '192.0.2.200', '198.51.100.1']
const UNANSWERED = [
  { destination: address('10.96.0.1'), port: 9 },
  { destination: address('10.96.9.9'), port: 80 },
  { destination: address('203.0.113.1'), port: 9 },
]

/** The table after all plans of a history, each from the one before. */
async function tableAfter(history: readonly (readonly Change[])[]): Promise<TableModel> {
  const compiler = new DesiredCompiler({
    ...{ families: ['IPv4'], nodeName: 'here', zone: ZONE, nodeAddresses: NODE_ADDRESSES },
  })
  const state = new TableState()
  const kernel = new TableModel()
  for (const batch of [...history, []]) {
    for (const change of batch) compiler.apply(change)
    const builder = new PlanBuilder(CONFIG, state)
    const changes = new Map(compiler.compile().map(({ key, frontend }) => [key, frontend]))
    for (const [key, frontend] of changes) builder.add(key, frontend)
    const { plan, adopt } = await builder.finish(new Pacer())
    kernel.apply(plan)
    adopt()
  }
  return kernel
}

/** All fates in words, each once. */
const found = (fates: readonly Fate[]): string[] => [
  ...new Set(
    fates.map((fate) =>
      fate.kind === 'translated' ? `${fate.to} ${fate.masqueraded ? 'masqueraded' : 'as it is'}` : fate.kind,
    ),
  ),
]

const wanted = (expected: Expected): string[] =>
  expected.kind === 'translated'
    ? [
        ...new Set(
          expected.to.map(({ at, masqueraded }) => `${at} ${masqueraded ? 'masqueraded' : 'as it is'}`),
        ),
      ]
    : [expected.kind]

const packets = (oracle: ServiceOracle): Packet[] =>
  [...oracle.places(), ...UNANSWERED].flatMap((to) =>
    SOURCES.map((source) => ({ ...to, source: address(source) })),
  )

it('every packet meets the fate that the Services demand, whatever the history', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const walk = new TableWalk(await tableAfter(history), CONFIG)
      const oracle = new ServiceOracle(lastWords(history))
      for (const packet of packets(oracle))
        expect({ packet, fates: found(walk.fates(packet, new Map())).sort() }).toEqual({
          packet,
          fates: wanted(oracle.fate(packet)).sort(),
        })
    }),
    { numRuns: 150 },
  )
})

it('with affinity a client meets what it met before, and something allowed when that is gone', async () => {
  await fc.assert(
    fc.asyncProperty(histories, histories, fc.infiniteStream(fc.nat()), async (first, then, numbers) => {
      const draw = (modulus: number): number => numbers.next().value % modulus
      const memory = new Map<string, string>()
      const before = new TableWalk(await tableAfter(first), CONFIG)
      for (const packet of packets(new ServiceOracle(lastWords(first)))) before.walk(packet, draw, memory)

      const walk = new TableWalk(await tableAfter([...first, ...then]), CONFIG)
      const oracle = new ServiceOracle(lastWords([...first, ...then]))
      for (const packet of packets(oracle)) {
        if (!oracle.hasAffinity(packet)) continue
        const met = found([walk.walk(packet, draw, memory)])
        expect(wanted(oracle.fate(packet))).toEqual(expect.arrayContaining(met))
        expect(found(walk.fates(packet, memory))).toEqual(met)
      }
    }),
    { numRuns: 150 },
  )
})
