import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DesiredCompiler } from '../../../src/dataplane/desired/compiler.ts'
import type { Frontend, FrontendKey } from '../../../src/dataplane/desired/frontend.ts'
import { DATA_SETS } from '../../../src/dataplane/nftables/layout.ts'
import type { Plan } from '../../../src/dataplane/nftables/plan.ts'
import { PlanBuilder } from '../../../src/dataplane/nftables/plan-builder.ts'
import { eachRecord } from '../../../src/dataplane/nftables/records.ts'
import { renderState } from '../../../src/dataplane/nftables/render.ts'
import { frontendOfKey } from '../../../src/dataplane/nftables/service-key.ts'
import { TableState } from '../../../src/dataplane/nftables/table-state.ts'
import type { Change } from '../../../src/model/change.ts'
import { formatProblem } from '../../../src/model/problem.ts'
import { Pacer } from '../../../src/util/pacer.ts'
import {
  address,
  goneChange,
  port,
  service,
  serviceChange,
  slice,
  sliceChange,
  sliceEndpoint,
} from '../../support/services.ts'
import { recordTexts, TableModel } from '../../support/table-model.ts'

const NODE_ADDRESSES = [address('172.20.0.1'), address('172.20.0.2')]
const CONFIG = {
  family: 'IPv4',
  serviceCidrs: [],
  podCidrs: [],
  nodeAddresses: NODE_ADDRESSES,
  masqueradePodEgress: false,
  masqueradeAll: false,
} as const

const names = fc.constantFrom('a', 'b', 'c', 'd')

/** Few names, addresses and ports, so that Services meet each other all the time. */
const serviceChanges = fc
  .record({
    name: names,
    ip: fc.integer({ min: 1, max: 4 }),
    ports: fc.uniqueArray(fc.integer({ min: 80, max: 82 }), { maxLength: 2 }),
    nodePort: fc.constantFrom(0, 0, 30080, 30081),
    gone: fc.boolean(),
  })
  .map(({ name, ip, ports, nodePort, gone }): Change => {
    const change = serviceChange(
      service(name, `10.96.0.${ip}`, {
        type: nodePort === 0 ? 'ClusterIP' : 'NodePort',
        ports: ports.map((number, i) => port({ port: number, nodePort: i === 0 ? nodePort : 0 })),
      }),
    )
    return gone ? goneChange(change) : change
  })

const sliceChanges = fc
  .record({
    name: names,
    part: fc.constantFrom('1', '2'),
    hosts: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 10 }),
    local: fc.integer({ min: 0, max: 12 }),
    gone: fc.boolean(),
  })
  .map(({ name, part, hosts, local, gone }): Change => {
    const endpoints = hosts.map((host) =>
      sliceEndpoint(`10.1.0.${host}`, { nodeName: host < local ? 'here' : 'there', ready: host % 4 !== 0 }),
    )
    const made = slice(name, endpoints, { family: 'IPv4' })
    const change = sliceChange({ ...made, name: `${made.name}-${part}` as typeof made.name })
    return gone ? goneChange(change) : change
  })

/** Batches, each of which is compiled, planned and committed on its own. */
const histories = fc.array(fc.array(fc.oneof(serviceChanges, sliceChanges), { maxLength: 6 }), {
  maxLength: 12,
})

const newCompiler = (): DesiredCompiler => new DesiredCompiler({ families: ['IPv4'], nodeName: 'here' })

/** What a source would say to someone who comes only now: the last word on each object. */
function lastWords(history: readonly (readonly Change[])[]): Change[] {
  const last = new Map<string, Change>()
  for (const change of history.flat()) last.set(`${change.kind} ${change.name}`, change)
  return [...last.values()]
}

const sortedByKey = (frontends: ReadonlyMap<FrontendKey, Frontend>): Frontend[] =>
  [...frontends.values()].sort((a, b) => (a.key < b.key ? -1 : 1))

async function planned(state: TableState, changes: Iterable<readonly [FrontendKey, Frontend | undefined]>) {
  const builder = new PlanBuilder(CONFIG, state)
  for (const [key, frontend] of changes) builder.add(key, frontend)
  return builder.finish(new Pacer())
}

describe('compiling step by step', () => {
  it('ends where compiling the last state from scratch ends', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const stepwise = newCompiler()
        const heard = new Map<FrontendKey, Frontend>()
        for (const batch of history) {
          for (const change of batch) stepwise.apply(change)
          for (const { key, frontend } of stepwise.compile()) {
            if (frontend === undefined) heard.delete(key)
            else heard.set(key, frontend)
          }
        }
        const atOnce = newCompiler()
        for (const change of lastWords(history)) atOnce.apply(change)
        atOnce.compile()
        expect(sortedByKey(stepwise.frontends('IPv4'))).toEqual(sortedByKey(atOnce.frontends('IPv4')))
        expect(sortedByKey(heard)).toEqual(sortedByKey(atOnce.frontends('IPv4')))
        expect(stepwise.problems().map(formatProblem).sort()).toEqual(
          atOnce.problems().map(formatProblem).sort(),
        )
      }),
    )
  })
})

describe('planning step by step', () => {
  it('keeps kernel and state the same, and touches nothing but frontends that changed', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const compiler = newCompiler()
        const state = new TableState()
        const kernel = new TableModel()
        for (const batch of history) {
          for (const change of batch) compiler.apply(change)
          const changes = new Map(compiler.compile().map(({ key, frontend }) => [key, frontend]))
          const { plan, adopt } = await planned(state, changes)
          kernel.apply(plan)
          adopt()
          for (const key of touched(plan)) expect([...changes.keys()]).toContain(key)
          const expected = await renderState(state, CONFIG, new Pacer())
          for (const set of DATA_SETS) expect(kernel.elements(set)).toEqual(recordTexts(expected[set]))
          for (const set of DATA_SETS) expect(state.counts[set]).toBe(expected[set].count)
        }
        expectEndpoints(state, compiler.frontends('IPv4'))
      }),
    )
  })

  it('leaves a state untouched by a plan that is not adopted', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const compiler = newCompiler()
        const state = new TableState()
        const kernel = new TableModel()
        for (const batch of history) {
          for (const change of batch) compiler.apply(change)
          const changes = new Map(compiler.compile().map(({ key, frontend }) => [key, frontend]))
          await planned(state, changes)
          const { plan, adopt } = await planned(state, changes)
          kernel.apply(plan)
          adopt()
        }
        expectEndpoints(state, compiler.frontends('IPv4'))
      }),
      { numRuns: 30 },
    )
  })
})

/** Frontends whose keys a plan has, in the maps that are keyed by them. */
function touched(plan: Plan): FrontendKey[] {
  return plan.elements
    .filter(({ set }) => set === 'svcs' || set === 'eps')
    .flatMap(({ removed, added }) => [...eachRecord(removed), ...eachRecord(added)])
    .map((record) => {
      const found = frontendOfKey(record, 'IPv4', NODE_ADDRESSES)
      if (found === undefined) throw new Error('a key that belongs to no frontend')
      return found.asNodePort ?? found.asAddress
    })
}

function expectEndpoints(state: TableState, frontends: ReadonlyMap<FrontendKey, Frontend>): void {
  expect([...state.frontends.keys()].sort()).toEqual([...frontends.keys()].sort())
  for (const [key, { slots }] of state.frontends) {
    const wanted = frontends.get(key)?.endpoints ?? []
    expect(new Set(slots)).toEqual(new Set(wanted))
    expect(slots).toHaveLength(wanted.length)
  }
}
