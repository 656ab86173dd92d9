import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ServiceProxy } from '../../src/dataplane/proxy.ts'
import { eventually } from '../support/eventually.ts'
import { Netns } from '../support/netns.ts'
import { openProxy } from '../support/proxy.ts'
import { service, serviceChange, slice, sliceChange } from '../support/services.ts'

/** What somebody deletes is back within this: two seconds, and more on a machine with other things to do. */
const HEALED_WITHIN_MS = 15_000
/** An audit that comes by itself would hide a notification that was missed. */
const NEVER_MS = 3_600_000

let netns: Netns
let proxy: ServiceProxy
let registry: Registry

beforeEach(async () => {
  netns = await Netns.create('audit')
  registry = new Registry()
  proxy = await openProxy(netns.path, { registry, auditIntervalMs: NEVER_MS })
  proxy.apply([
    serviceChange(service('web', '10.96.0.1')),
    sliceChange(slice('web', ['10.1.1.2', '10.1.2.2'])),
  ])
  await proxy.synced()
  // The audit at the start is over: what heals from here on was heard of.
  await eventually(async () => (await audits('clean')) === 1 || undefined)
})

afterEach(async () => {
  await proxy?.close()
  await netns?.dispose()
})

const audits = async (result: string): Promise<number> => {
  const metric = await registry.getSingleMetric('hawser_dataplane_audits_total')?.get()
  return metric?.values.find(({ labels }) => labels.result === result)?.value ?? 0
}

/** What nft shows of the table, without the counters and handles that no two tables share. */
const listed = (): Promise<string> => netns.exec('nft', 'list', 'table', 'ip', 'hawser')

describe('rules that somebody else meddles with', () => {
  it.each([
    ['a deleted table', 'delete table ip hawser'],
    ['a flushed map', 'flush map ip hawser svcs'],
    ['deleted rules', 'flush chain ip hawser services'],
    ['a foreign chain', 'add chain ip hawser foreign'],
    ['a deleted element', 'delete element ip hawser svcs { 10.96.0.1 . tcp . 80 }'],
  ])('are healed long before the next audit: %s', async (_, meddling) => {
    const before = await listed()
    await netns.exec('nft', meddling)
    const start = performance.now()
    await eventually(async () => ((await listed()) === before ? true : undefined))
    expect(performance.now() - start).toBeLessThan(HEALED_WITHIN_MS)
    await eventually(async () => (await audits('repaired')) === 1 || undefined)
  })

  it.each([
    ['missing', 'delete element ip hawser eps { 10.96.0.1 . tcp . 80 . 0 }'],
    ['foreign', 'add element ip hawser cluster-ips { 10.96.0.7 }'],
    ['all missing', 'flush map ip hawser eps'],
  ])('are mended where they were changed, when only elements are: %s', async (_, meddling) => {
    // A table that is made anew has another handle.
    const handle = async (): Promise<string> =>
      (await netns.exec('nft', '-a', 'list', 'table', 'ip', 'hawser')).split('\n')[0] ?? ''
    const before = [await listed(), await handle()]
    await netns.exec('nft', meddling)
    await eventually(async () => (await audits('repaired')) === 1 || undefined)
    expect([await listed(), await handle()]).toEqual(before)
  })

  it('are left alone when it was another table, and our own changes alarm nobody', async () => {
    await netns.exec('nft', 'add table ip theirs')
    proxy.apply([sliceChange(slice('web', ['10.1.1.2']))])
    await proxy.synced()
    await netns.exec('nft', 'delete table ip hawser')
    await eventually(async () => (await audits('repaired')) === 1 || undefined)
    expect(await audits('clean')).toBe(1)
  })
})
