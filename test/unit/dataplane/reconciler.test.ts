import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Backend, CommitOutcome, FrontendChanges } from '../../../src/dataplane/backend.ts'
import {
  type Frontend,
  type FrontendChange,
  type FrontendKey,
  frontendKey,
} from '../../../src/dataplane/desired/frontend.ts'
import { DEFAULT_IPVS_OPTIONS } from '../../../src/dataplane/desired/ipvs-options.ts'
import { Reconciler } from '../../../src/dataplane/reconciler.ts'
import { objectName } from '../../../src/model/object-name.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { address } from '../../support/services.ts'

/** A backend whose kernel is a Map. It refuses what it is told to, and can be made to fail or to be slow. */
class FakeBackend implements Backend {
  readonly kernel = new Map<FrontendKey, Frontend>()
  readonly commits: string[] = []
  readonly refuses = new Set<FrontendKey>()
  /** Outcomes of the next transactions, before the kernel gets a say. */
  readonly scripted: (CommitOutcome | Error)[] = []
  differences: string[] = []
  mends = false
  auditFails = false
  audits = 0
  onAudit = (): void => undefined
  /** Audits wait for this. */
  auditGate: Promise<void> = Promise.resolve()
  /** Transactions wait for this. */
  gate: Promise<void> = Promise.resolve()

  update(changes: FrontendChanges): Promise<CommitOutcome> {
    return this.#commit(`update ${[...changes.keys()].join(' ')}`, changes)
  }

  rebuild(frontends: readonly Frontend[]): Promise<CommitOutcome> {
    const changes = new Map(frontends.map((frontend) => [frontend.key, frontend]))
    return this.#commit(`rebuild ${[...changes.keys()].join(' ')}`, changes, () => this.kernel.clear())
  }

  async audit(): Promise<readonly string[]> {
    this.audits++
    this.onAudit()
    await this.auditGate
    if (this.auditFails) throw new Error('the kernel cannot be read')
    return this.differences
  }

  async repair(): Promise<boolean> {
    return this.mends
  }

  objects(): ReadonlyMap<string, number> {
    return new Map([['frontends', this.kernel.size]])
  }

  async remove(): Promise<void> {
    this.kernel.clear()
  }

  async close(): Promise<void> {}

  async #commit(name: string, changes: FrontendChanges, before = () => {}): Promise<CommitOutcome> {
    this.commits.push(name.trim())
    await this.gate
    const outcome = this.scripted.shift()
    if (outcome instanceof Error) throw outcome
    if (outcome !== undefined) return outcome
    const refused = [...changes].filter(([key, frontend]) => frontend && this.refuses.has(key))
    if (refused.length > 0)
      return { kind: 'refused', frontends: new Set(refused.map(([key]) => key)), error: new Error('refused') }
    before()
    for (const [key, frontend] of changes) {
      if (frontend === undefined) this.kernel.delete(key)
      else this.kernel.set(key, frontend)
    }
    return { kind: 'committed' }
  }
}

const key = (host: number): FrontendKey => frontendKey(address(`10.96.0.${host}`), 'TCP', 80)

const change = (host: number, gone = false): FrontendChange => ({
  key: key(host),
  family: 'IPv4',
  frontend: gone
    ? undefined
    : {
        key: key(host),
        family: 'IPv4',
        service: objectName('default', `s${host}`),
        portName: '',
        kind: 'ClusterIP',
        address: address(`10.96.0.${host}`),
        protocol: 'TCP',
        port: 80,
        endpoints: [],
        localEndpoints: undefined,
        keptEndpoints: [],
        healthCheckNodePort: 0,
        whenEmpty: 'reject',
        affinitySeconds: 0,
        sourceRanges: [],
        ipvs: DEFAULT_IPVS_OPTIONS,
      },
})

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

let backend: FakeBackend
let reconciler: Reconciler

const start = (minSyncPeriodMs = 0): Reconciler =>
  new Reconciler({
    family: 'IPv4',
    backend,
    minSyncPeriodMs,
    metrics: { queued() {}, attempted() {}, synced() {}, audited() {} },
    log: silentLogger,
  })

beforeEach(() => {
  vi.useFakeTimers()
  backend = new FakeBackend()
  reconciler = start()
})

afterEach(async () => {
  await reconciler.stop()
  vi.useRealTimers()
})

async function apply(...changes: readonly FrontendChange[]): Promise<void> {
  reconciler.change(changes)
  await reconciler.synced()
}

const failed: CommitOutcome = { kind: 'failed', error: new Error('no luck') }
const stale: CommitOutcome = { kind: 'stale', error: new Error('not there') }

describe('an idle reconciler', () => {
  it('sends nothing before the first change', async () => {
    await vi.advanceTimersByTimeAsync(60_000)
    expect(backend.commits).toEqual([])
  })

  it('begins with a rebuild, even of nothing', async () => {
    await apply()
    expect(backend.commits).toEqual(['rebuild'])
  })

  it('commits a change at once, and only that', async () => {
    await apply(change(1), change(2))
    await apply(change(3))
    await apply(change(1, true))
    expect(backend.commits).toEqual([`rebuild ${key(1)} ${key(2)}`, `update ${key(3)}`, `update ${key(1)}`])
    expect([...backend.kernel.keys()]).toEqual([key(2), key(3)])
  })
})

describe('changes during a transaction', () => {
  let open = () => {}

  beforeEach(async () => {
    await apply()
    await vi.advanceTimersByTimeAsync(0)
    backend.gate = new Promise((resolve) => {
      open = resolve
    })
  })

  it('go into the next one together', async () => {
    reconciler.change([change(1)])
    reconciler.change([change(2)])
    reconciler.change([change(3)])
    open()
    await reconciler.synced()
    expect(backend.commits.slice(1)).toEqual([`update ${key(1)}`, `update ${key(2)} ${key(3)}`])
  })

  it('do not hold up those who wait for earlier ones', async () => {
    reconciler.change([change(1)])
    const first = reconciler.synced()
    reconciler.change([change(2)])
    open()
    await first
    expect(backend.kernel.has(key(1))).toBe(true)
  })
})

describe('a least period between syncs', () => {
  it('delays and gathers what comes too soon', async () => {
    reconciler = start(1000)
    await apply(change(1))
    reconciler.change([change(2)])
    await vi.advanceTimersByTimeAsync(500)
    reconciler.change([change(3)])
    expect(backend.commits).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(500)
    expect(backend.commits.slice(1)).toEqual([`update ${key(2)} ${key(3)}`])
  })
})

describe('a failure', () => {
  it.each([
    ['stale', stale],
    ['failed', failed],
    ['thrown', new Error('a bug')],
  ])('of an update (%s) is met by a rebuild', async (_, outcome) => {
    await apply(change(1))
    backend.scripted.push(outcome)
    await apply(change(2))
    expect(backend.commits.slice(1)).toEqual([`update ${key(2)}`, `rebuild ${key(1)} ${key(2)}`])
    expect(reconciler.status().lastError).toBeUndefined()
  })

  it('of a rebuild too is told to those who wait, and tried again with back-off', async () => {
    backend.scripted.push(failed, failed)
    await expect(apply(change(1))).rejects.toMatchObject({
      code: 'COMMIT_FAILED',
      message: expect.stringContaining('no luck'),
    })
    expect(reconciler.status().lastError).toBeDefined()
    expect(reconciler.isInForce(key(1))).toBe(false)
    await vi.advanceTimersByTimeAsync(99)
    expect(backend.commits).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(backend.commits).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(200)
    expect(reconciler.status().lastError).toBeUndefined()
    expect(reconciler.isInForce(key(1))).toBe(true)
  })

  it('is told at once to those who come while it is waited out', async () => {
    backend.scripted.push(failed)
    await expect(apply(change(1))).rejects.toThrow('no luck')
    await expect(apply(change(2))).rejects.toThrow('no luck')
    expect(backend.commits).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(100)
    await reconciler.synced()
    expect([...backend.kernel.keys()]).toEqual([key(1), key(2)])
  })
})

describe('a frontend that the kernel refuses', () => {
  beforeEach(async () => {
    await apply(change(1))
    backend.refuses.add(key(2))
  })

  it('does not keep others out', async () => {
    await expect(apply(change(2), change(3))).rejects.toMatchObject({ code: 'FRONTENDS_REFUSED' })
    expect([...backend.kernel.keys()]).toEqual([key(1), key(3)])
    expect([...reconciler.status().refused.keys()]).toEqual([key(2)])
    expect([reconciler.isInForce(key(2)), reconciler.isInForce(key(3))]).toEqual([false, true])
  })

  it('alone is said to those who wait', async () => {
    await expect(apply(change(2))).rejects.toThrow(`the kernel refuses frontend ${key(2)}: refused`)
    await expect(reconciler.synced()).rejects.toThrow('refused')
  })

  it('is left out of a rebuild as well', async () => {
    await expect(apply(change(2))).rejects.toThrow('refused')
    backend.scripted.push(stale)
    await expect(apply(change(3))).rejects.toThrow('refused')
    expect([...backend.kernel.keys()]).toEqual([key(1), key(3)])
  })

  it('is tried again with a back-off of its own until it is taken', async () => {
    await expect(apply(change(2))).rejects.toThrow('refused')
    await vi.advanceTimersByTimeAsync(1000)
    expect(backend.commits.filter((commit) => commit === `update ${key(2)}`)).toHaveLength(2)
    backend.refuses.clear()
    await vi.advanceTimersByTimeAsync(2000)
    await reconciler.synced()
    expect(backend.kernel.has(key(2))).toBe(true)
    expect(reconciler.status().refused.size).toBe(0)
  })

  it('that was left out already is no reason to try the same again at once', async () => {
    await expect(apply(change(2))).rejects.toThrow('refused')
    const again: CommitOutcome = { kind: 'refused', frontends: new Set([key(2)]), error: new Error('again') }
    backend.scripted.push(again, again)
    await expect(apply(change(3))).rejects.toMatchObject({ code: 'COMMIT_FAILED' })
    expect(backend.commits.slice(-2)).toEqual([`update ${key(3)}`, `rebuild ${key(1)} ${key(3)}`])
  })

  it('is tried again at once when it changes, and forgotten when it goes', async () => {
    await expect(apply(change(2))).rejects.toThrow('refused')
    await apply(change(2, true))
    expect(reconciler.status().refused.size).toBe(0)
  })
})

describe('work that is in force', () => {
  it('is said when the kernel has it, however often it takes', async () => {
    const inForce = vi.fn()
    backend.scripted.push(failed)
    reconciler.change([change(1)], inForce)
    await expect(reconciler.synced()).rejects.toThrow('no luck')
    expect(inForce).not.toHaveBeenCalled()
    expect(reconciler.status().pendingSince).toBeDefined()
    await vi.advanceTimersByTimeAsync(100)
    expect(inForce).toHaveBeenCalledOnce()
    expect(reconciler.status().pendingSince).toBeUndefined()
  })

  it('is said of the rest when the kernel refuses a part', async () => {
    const inForce = vi.fn()
    backend.refuses.add(key(2))
    reconciler.change([change(1), change(2)], inForce)
    await expect(reconciler.synced()).rejects.toThrow('refused')
    expect(inForce).toHaveBeenCalledOnce()
  })
})

describe('a wait', () => {
  it('that begins while something is done aside ends with that, though there is nothing to commit', async () => {
    await apply(change(1))
    const { promise, resolve } = withResolver()
    const aside = reconciler.aside(() => promise)
    // It has begun, not only been asked for.
    for (let turn = 0; turn < 10; turn++) await undefined
    reconciler.change([])
    const synced = reconciler.synced()
    resolve()
    await Promise.all([aside, synced])
    expect(backend.commits).toHaveLength(1)
  })

  it.each(Array.from({ length: 20 }, (_, turn) => turn))(
    'that begins in turn %i of a sync ends with it',
    async (turn) => {
      reconciler.change([change(1)])
      for (let i = 0; i < turn; i++) await undefined
      await reconciler.synced()
      expect(backend.commits).toHaveLength(1)
    },
  )
})

describe('an audit', () => {
  beforeEach(() => apply(change(1)))

  it('holds up no change', async () => {
    const { promise, resolve } = withResolver()
    backend.auditGate = promise
    const auditing = reconciler.audit()
    await apply(change(2))
    expect([...backend.kernel.keys()]).toEqual([key(1), key(2)])
    resolve()
    expect(await auditing).toEqual([])
  })

  it('that a transaction overtook looks again, and believes only that', async () => {
    const { promise, resolve } = withResolver()
    backend.auditGate = promise
    backend.differences = ['svcs has one too many']
    const auditing = reconciler.audit()
    await apply(change(2))
    resolve()
    await undefined
    backend.differences = []
    expect(await auditing).toEqual([])
    expect(backend.audits).toBe(2)
    expect(backend.commits).toHaveLength(2)
  })

  it('that transactions overtake again and again holds them up in the end', async () => {
    const running = { on: true }
    backend.onAudit = () => {
      if (running.on) reconciler.change([change(3)])
    }
    const audited = reconciler.audit()
    expect(await audited).toEqual([])
    running.on = false
    expect(backend.audits).toBe(4)
  })

  it('that fails holds back no change that came meanwhile', async () => {
    backend.auditFails = true
    const auditing = reconciler.audit()
    const applied = apply(change(2))
    await expect(auditing).rejects.toThrow('cannot be read')
    await applied
    expect([...backend.kernel.keys()]).toEqual([key(1), key(2)])
  })

  it('that finds nothing changes nothing', async () => {
    expect(await reconciler.audit()).toEqual([])
    expect(backend.commits).toHaveLength(1)
  })

  it('that finds a difference rebuilds', async () => {
    backend.differences = ['svcs lacks one']
    expect(await reconciler.audit()).toEqual(['svcs lacks one'])
    expect(reconciler.status()).toMatchObject({
      lastAudit: { result: 'repaired' },
      lastFinding: { result: 'repaired', differences: ['svcs lacks one'] },
    })
    expect(backend.commits.slice(1)).toEqual([`rebuild ${key(1)}`])
  })

  it('whose difference the backend mends by itself rebuilds nothing', async () => {
    backend.differences = ['svcs lacks one']
    backend.mends = true
    expect(await reconciler.audit()).toEqual(['svcs lacks one'])
    expect(backend.commits).toHaveLength(1)
  })

  it('lets changes that come meanwhile in afterwards', async () => {
    const auditing = reconciler.audit()
    await apply(change(2))
    await auditing
    expect([...backend.kernel.keys()]).toEqual([key(1), key(2)])
  })
})

describe('a stopped reconciler', () => {
  it('sends nothing more and says so', async () => {
    await apply(change(1))
    await reconciler.stop()
    reconciler.change([change(2)])
    await expect(reconciler.synced()).rejects.toMatchObject({ code: 'CLOSED' })
    expect(backend.commits).toHaveLength(1)
  })

  it('lets the transaction under way end, and leaves nobody waiting', async () => {
    let open = () => {}
    backend.gate = new Promise((resolve) => {
      open = resolve
    })
    reconciler.change([change(1)])
    reconciler.change([change(2)])
    const waiting = expect(reconciler.synced()).rejects.toMatchObject({ code: 'CLOSED' })
    const stopping = reconciler.stop()
    open()
    await stopping
    await waiting
    expect(backend.commits).toHaveLength(1)
  })
})

describe('what is done aside', () => {
  it('waits for the transaction under way, and changes wait for it in turn', async () => {
    let finish = (): void => {}
    backend.gate = new Promise((resolve) => {
      finish = resolve
    })
    reconciler.change([change(1)])
    const order: string[] = []
    let release = (): void => {}
    const aside = reconciler.aside(async () => {
      order.push(`begun behind ${backend.commits.join(', ')}`)
      await new Promise<void>((resolve) => {
        release = resolve
      })
      order.push(`ended behind ${backend.commits.join(', ')}`)
    })
    reconciler.change([change(2)])
    await vi.advanceTimersByTimeAsync(1000)
    expect(order).toEqual([])
    finish()
    await vi.advanceTimersByTimeAsync(1000)
    release()
    await aside
    await reconciler.synced()
    const first = `rebuild ${key(1)}`
    expect(order).toEqual([`begun behind ${first}`, `ended behind ${first}`])
    expect(backend.commits).toEqual([first, `update ${key(2)}`])
  })

  it('may fail without keeping changes from the kernel', async () => {
    await expect(reconciler.aside(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    reconciler.change([change(1)])
    await reconciler.synced()
    expect(backend.kernel.size).toBe(1)
  })
})
