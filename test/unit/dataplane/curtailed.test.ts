import { describe, expect, it } from 'vitest'
import type { Frontend } from '../../../src/dataplane/desired/frontend.ts'
import { DEFAULT_MASQUERADE_MARK } from '../../../src/dataplane/family-config.ts'
import { curtailedFrontends } from '../../../src/dataplane/nftables/curtailed.ts'
import { PlanBuilder } from '../../../src/dataplane/nftables/plan-builder.ts'
import { TableState } from '../../../src/dataplane/nftables/table-state.ts'
import { Pacer } from '../../../src/util/pacer.ts'
import { frontend } from '../../support/frontends.ts'

/** The state of a table behind these of one frontend in turn. */
async function tableOf(...turns: readonly Frontend[]): Promise<TableState> {
  const state = new TableState()
  for (const made of turns) await program(made, state)
  return state
}

async function program(made: Frontend, state: TableState): Promise<void> {
  const builder = new PlanBuilder(
    {
      family: 'IPv4',
      serviceCidrs: [],
      podCidrs: [],
      nodeAddresses: [],
      masqueradePodEgress: false,
      masqueradeMark: DEFAULT_MASQUERADE_MARK,
      masqueradeAll: false,
    },
    state,
  )
  builder.add(made.key, made)
  const planned = await builder.finish(new Pacer())
  planned.adopt()
}

const addresses = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `10.1.${i >> 8}.${i & 255}`)

describe('a frontend with more endpoints than its slots have room for', () => {
  it('is served by those that have room, and its Service says so', async () => {
    const state = await tableOf(frontend(addresses(32_770)))
    expect(state.counts.eps).toBe(32_768)
    expect(curtailedFrontends(state)).toEqual([
      expect.objectContaining({
        place: 'Service default/web',
        severity: 'warning',
        reason: expect.stringContaining('has 32770 endpoints, of which nftables mode serves 32768'),
      }),
    ])
  })

  it('has no problem any more when fewer are wanted', async () => {
    const state = await tableOf(frontend(addresses(32_770)), frontend(addresses(3)))
    expect(state.counts.eps).toBe(3)
    expect(curtailedFrontends(state)).toEqual([])
  })

  it('has no problem as long as all have room', async () => {
    const state = await tableOf(frontend(addresses(32_768)))
    expect(state.counts.eps).toBe(32_768)
    expect(curtailedFrontends(state)).toEqual([])
  })
})
