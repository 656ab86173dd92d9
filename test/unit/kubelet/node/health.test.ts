import { afterEach, expect, test } from 'vitest'
import type { RuntimeCondition, StatusResponse } from '../../../../src/gen/runtime.ts'
import { NodeHealth } from '../../../../src/kubelet/node/health.ts'
import type { NodeFigures } from '../../../../src/kubelet/node/pressure.ts'
import { RuntimeError } from '../../../../src/kubelet/runtime/runtime-error.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { eventually } from '../../../support/eventually.ts'
import { SkippingClock } from '../../../support/skipping-clock.ts'

const ready = (type: string): RuntimeCondition => ({ type, status: true, reason: '', message: '' })
const RUNTIME_READY = ready('RuntimeReady')
const NETWORK_READY = ready('NetworkReady')
const NO_NETWORK: RuntimeCondition = {
  type: 'NetworkReady',
  status: false,
  reason: 'NetworkPluginNotReady',
  message: 'cni plugin not initialized',
}

const PLENTY: NodeFigures = {
  memoryAvailableBytes: 2 ** 32,
  filesystems: [],
  pids: { limit: 1_000, used: 1 },
}

/** A runtime and a machine that a test makes as it likes. */
class World {
  readonly clock = new SkippingClock()
  conditions: RuntimeCondition[] | 'away' = [RUNTIME_READY, NETWORK_READY]
  figures = PLENTY
  snapshotAgeMs = 0
  reason: string | undefined
  changes = 0
  readonly health: NodeHealth

  constructor(changes: Partial<Pick<World, 'conditions' | 'figures'>> = {}) {
    Object.assign(this, changes)
    this.health = new NodeHealth({
      status: () => this.#status(),
      snapshotAgeMs: () => this.snapshotAgeMs,
      figures: async () => this.figures,
      reasons: [() => this.reason],
      onChange: () => {
        this.changes++
      },
      clock: this.clock,
      log: silentLogger,
    })
  }

  async #status(): Promise<StatusResponse> {
    const { conditions } = this
    if (conditions === 'away')
      throw new RuntimeError('RUNTIME_UNAVAILABLE', 'status', 'connect ENOENT /run/x.sock', 'long')
    return { status: { conditions }, runtimeHandlers: [], features: undefined }
  }

  notReady(): string | undefined {
    return this.health.report().notReady
  }

  /** Resolves once the node is ready, or not for that reason; however often it is asked until then. */
  async says(notReady: string | undefined): Promise<void> {
    await eventually(() => (this.notReady() === notReady ? true : undefined))
  }
}

let world: World
afterEach(() => world.health.close())

test('a node is ready once its runtime and network are', async () => {
  world = new World()
  expect(world.notReady()).toBe('container runtime status check may not have completed yet')
  await world.says(undefined)
})

test('a network that is not ready is named with the reason of the runtime', async () => {
  world = new World({ conditions: [RUNTIME_READY, NO_NETWORK] })
  await world.says(
    'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized',
  )
  world.conditions = [RUNTIME_READY, NETWORK_READY]
  world.clock.skip(5_000)
  await world.says(undefined)
})

test('a runtime that leaves a condition out is not ready', async () => {
  world = new World({ conditions: [NETWORK_READY] })
  await world.says('container runtime not ready: the runtime does not say RuntimeReady')
})

test('a runtime that is restarted quickly was never away', async () => {
  world = new World()
  await world.says(undefined)
  const before = world.changes
  world.conditions = 'away'
  await world.health.check()
  world.clock.skip(4_000)
  expect(world.notReady()).toBeUndefined()
  world.conditions = [RUNTIME_READY, NETWORK_READY]
  // The first may be the one that was under way.
  await world.health.check()
  await world.health.check()
  world.clock.skip(60_000)
  expect(world.notReady()).toBeUndefined()
  expect(world.changes).toBe(before)
})

test('a runtime that stays away makes the node unready, which is said, and so is its return', async () => {
  world = new World()
  await world.says(undefined)
  world.conditions = 'away'
  await world.health.check()
  const before = world.changes
  world.clock.skip(5_000)
  await world.says('container runtime is down: connect ENOENT /run/x.sock')
  await eventually(() => (world.changes > before ? true : undefined))
  world.conditions = [RUNTIME_READY, NETWORK_READY]
  world.clock.skip(500)
  await world.says(undefined)
})

test('a runtime that cannot be read for three minutes makes the node unready', async () => {
  world = new World()
  await world.says(undefined)
  world.snapshotAgeMs = 180_000
  expect(world.notReady()).toBeUndefined()
  world.snapshotAgeMs = 190_000
  expect(world.notReady()).toBe('PLEG is not healthy: pleg was last seen active 3m0s ago; threshold is 3m0s')
  // Not another text at every look: each would be told.
  world.snapshotAgeMs = 239_000
  expect(world.notReady()).toContain('3m0s ago')
})

test('reasons of others count, and several are listed', async () => {
  world = new World({ conditions: [RUNTIME_READY, NO_NETWORK] })
  await world.says(world.notReady())
  world.reason = 'the service proxy has not programmed its Services yet'
  await eventually(() => (world.notReady()?.startsWith('[container runtime network') ? true : undefined))
  expect(world.notReady()).toMatch(/initialized, the service proxy has not programmed its Services yet\]$/)
})

test('a reason that comes without notice is found within seconds', async () => {
  world = new World()
  await world.says(undefined)
  const before = world.changes
  world.reason = 'rules are missing'
  world.clock.skip(5_000)
  await eventually(() => (world.changes > before ? true : undefined))
})

test('a shortage is found within ten seconds', async () => {
  world = new World()
  await world.says(undefined)
  const before = world.changes
  world.figures = { ...PLENTY, memoryAvailableBytes: 0 }
  world.clock.skip(10_000)
  await eventually(() => (world.changes > before ? true : undefined))
  expect(world.health.report().pressure).toEqual({ memory: true, disk: false, pids: false })
})
