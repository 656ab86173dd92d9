import { describe, expect, it } from 'vitest'
import { createRegistry, type Registry } from '../../../src/metrics/registry.ts'

async function lag(registry: Registry): Promise<number> {
  const [, text] = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await registry.metrics()) ?? []
  return Number(text)
}

/** Keeps the event loop from everything else for so long. */
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/** The event loop has come to its timers and to what samples them. */
const turn = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('the lag of the event loop', () => {
  it('is by how much timers came late since the last scrape, without the interval of looking at them', async () => {
    const registry = createRegistry('test')
    // The first sample only says when the next one is due.
    await turn(250)
    block(600)
    await turn(0)
    expect(await lag(registry)).toBeGreaterThan(0.3)
    expect(await lag(registry)).toBe(0)
  })

  it('is nothing where nothing was sampled yet', async () => {
    const registry = createRegistry('test')
    expect(await registry.metrics()).toMatch(/^nodejs_eventloop_lag_mean_seconds 0$/m)
  })
})
