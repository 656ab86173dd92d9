import { describe, expect, it } from 'vitest'
import { missedFigures, type Report, reportJson, reportTable } from '../../../bench/report.ts'

const report: Report = {
  suite: 'programming',
  parameters: { backend: 'nftables', services: 10 },
  figures: [
    { key: 'cold_ms', label: 'cold commit', value: 12.3456789, unit: 'ms' },
    { key: 'change_p50_ms', label: 'one change, p50', value: 0.9, unit: 'ms', bound: { atMost: 0.8 } },
    { key: 'parallel_rate_ratio', label: 'rate ratio', value: 0.95, unit: 'x', bound: { atLeast: 0.9 } },
  ],
  host: { cpu: 'cpu', cores: 2, memory_mib: 1024, kernel: '6.1', node: 'v20', load_before: 0 },
}

describe('a report', () => {
  it('is one flat JSON object with its parameters, figures and host', () => {
    expect(reportJson(report)).toEqual({
      suite: 'programming',
      backend: 'nftables',
      services: 10,
      cold_ms: 12.35,
      change_p50_ms: 0.9,
      parallel_rate_ratio: 0.95,
      host: report.host,
    })
  })

  it('names the figures that miss their bound, and only those', () => {
    expect(missedFigures(report).map((figure) => figure.key)).toEqual(['change_p50_ms'])
  })

  it('shows in its table which bound was missed and which was kept', () => {
    const table = reportTable(report)
    expect(table).toMatch(/one change, p50 +0\.9000 ms +MISSED \(at most 0\.8\)/)
    expect(table).toMatch(/rate ratio +0\.9500 x +ok \(at least 0\.9\)/)
    expect(table).toMatch(/cold commit +12\.35 ms$/m)
  })
})
