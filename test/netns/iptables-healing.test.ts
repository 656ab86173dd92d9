import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ServiceProxy } from '../../src/dataplane/proxy.ts'
import { eventually } from '../support/eventually.ts'
import { iptablesSave } from '../support/iptables-world.ts'
import { Netns } from '../support/netns.ts'
import { openProxy } from '../support/proxy.ts'
import { service, serviceChange, slice, sliceChange } from '../support/services.ts'

/** What somebody deletes is back within this: two seconds, and more on a machine with other things to do. */
const HEALED_WITHIN_MS = 15_000
/** An audit that comes by itself would hide a notification that was missed. */
const NEVER_MS = 3_600_000

describe('service proxy in mode iptables: tables that somebody else writes into', () => {
  let netns: Netns
  let proxy: ServiceProxy
  let registry: Registry

  beforeEach(async () => {
    netns = await Netns.create('healing')
    registry = new Registry()
    proxy = await openProxy(netns.path, { mode: 'iptables', registry, auditIntervalMs: NEVER_MS })
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
  const listing = async (): Promise<string[]> => (await iptablesSave(netns, 'IPv4')).sort()
  const shell = (commands: string): Promise<string> => netns.exec('sh', '-ec', commands)

  it.each([
    ['a deleted table', 'nft delete table ip nat'],
    ['everything deleted', 'nft flush ruleset'],
    ['a flushed table', 'iptables-nft -t nat -F'],
    ['a flushed chain', 'iptables-nft -t filter -F KUBE-FORWARD'],
    ['a missing jump', 'iptables-nft -t nat -D OUTPUT 1'],
    ['a missing rule', 'iptables-nft -t nat -D KUBE-SERVICES 1'],
  ])('are healed long before the next audit: %s', async (_, meddling) => {
    const before = await listing()
    await shell(meddling)
    const start = performance.now()
    await eventually(async () => {
      expect(await listing()).toEqual(before)
      return true
    })
    expect(performance.now() - start).toBeLessThan(HEALED_WITHIN_MS)
    await eventually(async () => (await audits('repaired')) === 1 || undefined)
  })

  it('are looked at a few times while others write much that is none of ours', async () => {
    const before = await listing()
    const writes = Array.from(
      { length: 40 },
      (_, i) => `iptables-nft -t nat -N T${i}; iptables-nft -t nat -A T${i} -j RETURN`,
    )
    await shell(writes.join('; '))
    await eventually(async () => (await audits('clean')) > 1 || undefined)
    expect(await audits('clean')).toBeLessThan(10)
    expect(await audits('repaired')).toBe(0)
    expect((await listing()).filter((line) => !/T\d/.test(line))).toEqual(before)
  })
})
