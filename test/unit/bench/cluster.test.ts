import { describe, expect, it } from 'vitest'
import { clusterFigures } from '../../../bench/cluster/figures.ts'
import type { Measured } from '../../../bench/cluster/measure.ts'
import { childrenMs } from '../../../bench/cluster/process-usage.ts'
import { findPeer, parsePeerModes } from '../../../bench/peer/peer.ts'

const measured = (start: number, change: number, rssMib: number): Measured => ({
  ...{ start, startCpu: start, cpuPerChange: change, idleShare: 0.001, rssMib },
  changes: [{ fromEvent: change, fromRequest: change + 1 }],
})

const nftables = { mode: 'nftables', measured: measured(5_000, 400, 300) } as const
const legacy = { mode: 'iptables-legacy', measured: measured(2_000, 100, 200) } as const

const figureOf = (figures: ReturnType<typeof clusterFigures>, key: string): number | undefined =>
  figures.find((figure) => figure.key === key)?.value

describe('figures of the cluster suite', () => {
  it('compare start and memory with the best mode of the peer, and changes with its mode nftables', () => {
    const figures = clusterFigures(measured(500, 0.4, 100), [nftables, legacy], 10_000)
    expect(figureOf(figures, 'start_over_peer')).toBe(0.25)
    expect(figureOf(figures, 'rss_over_peer')).toBe(0.5)
    expect(figureOf(figures, 'change_over_peer')).toBeCloseTo(0.001)
    expect(figureOf(figures, 'cpu_over_peer')).toBeCloseTo(0.001)
  })

  it('have the plain keys for the first mode of the peer, and keys with its name for the others', () => {
    const figures = clusterFigures(measured(500, 0.4, 100), [nftables, legacy], 10_000)
    expect(figureOf(figures, 'peer_start_ms')).toBe(5_000)
    expect(figureOf(figures, 'peer_iptables_legacy_start_ms')).toBe(2_000)
  })

  it('have bounds only at sizes that the bounds are for, and nothing of a peer that is not there', () => {
    const small = clusterFigures(measured(500, 0.4, 100), [nftables], 500)
    expect(small.filter(({ bound }) => bound !== undefined)).toEqual([])
    const alone = clusterFigures(measured(500, 0.4, 100), [], 10_000)
    expect(alone.filter(({ key }) => key.includes('peer'))).toEqual([])
    expect(alone.filter(({ bound }) => bound !== undefined).map(({ key }) => key)).toEqual([
      'change_p50_ms',
      'idle_core_share',
    ])
  })
})

it('reads the processor time of children beside a program name with spaces and parentheses', () => {
  const fields = ['S', ...Array.from({ length: 12 }, () => '1'), '150', '50', '20', '0']
  expect(childrenMs(`42 (a (b) c) ${fields.join(' ')}\n`)).toBe(2_000)
})

describe('the peer of a suite', () => {
  it.each(['cilium', 'kube-proxy=/bin/true', 'kube-proxy=/nowhere/kube-proxy'])('is not %s', async (text) => {
    await expect(findPeer(text)).rejects.toMatchObject({ code: 'BENCH_USAGE' })
  })

  it('has the modes that kube-proxy has', () => {
    expect(parsePeerModes(undefined)).toEqual(['nftables'])
    expect(parsePeerModes('nftables,iptables-legacy')).toEqual(['nftables', 'iptables-legacy'])
    expect(() => parsePeerModes('userspace')).toThrow(expect.objectContaining({ code: 'BENCH_USAGE' }))
  })
})
