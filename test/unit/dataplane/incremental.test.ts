import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DesiredCompiler } from '../../../src/dataplane/desired/compiler.ts'
import type { Frontend, FrontendKey } from '../../../src/dataplane/desired/frontend.ts'
import { DEFAULT_MASQUERADE_MARK } from '../../../src/dataplane/family-config.ts'
import { eachRecord } from '../../../src/dataplane/nf-table/records.ts'
import { frontendOfKey } from '../../../src/dataplane/nf-table/service-key.ts'
import { DATA_SETS } from '../../../src/dataplane/nftables/layout.ts'
import type { Plan } from '../../../src/dataplane/nftables/plan.ts'
import { PlanBuilder } from '../../../src/dataplane/nftables/plan-builder.ts'
import { renderState } from '../../../src/dataplane/nftables/render.ts'
import { TableState } from '../../../src/dataplane/nftables/table-state.ts'
import { formatProblem } from '../../../src/model/problem.ts'
import { Pacer } from '../../../src/util/pacer.ts'
import { histories, lastWords, NODE_ADDRESSES, ZONE } from '../../support/random-services.ts'
import { recordTexts, TableModel } from '../../support/table-model.ts'

const CONFIG = {
  family: 'IPv4',
  serviceCidrs: [],
  podCidrs: [],
  nodeAddresses: NODE_ADDRESSES,
  masqueradePodEgress: false,
  masqueradeMark: DEFAULT_MASQUERADE_MARK,
  masqueradeAll: false,
} as const

const newCompiler = (): DesiredCompiler =>
  new DesiredCompiler({ families: ['IPv4'], nodeName: 'here', zone: ZONE, nodeAddresses: NODE_ADDRESSES })

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
          for (const keys of touched(plan)) expect(keys.some((key) => changes.has(key))).toBe(true)
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

/** Of each element in the maps that are keyed by frontends, the frontends whose it may be. */
function touched(plan: Plan): FrontendKey[][] {
  return plan.elements
    .filter(({ set }) => set !== 'cluster-ips' && set !== 'hairpin')
    .flatMap(({ removed, added }) => [...eachRecord(removed), ...eachRecord(added)])
    .map((record) => {
      const found = frontendOfKey(record, 'IPv4', NODE_ADDRESSES)
      if (found === undefined) throw new Error('a key that belongs to no frontend')
      return [found.asAddress, ...(found.asNodePort === undefined ? [] : [found.asNodePort])]
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
