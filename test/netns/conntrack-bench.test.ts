import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const execute = promisify(execFile)
const hawser = join(import.meta.dirname, '../../dist/src/cli/main.js')

it('hawser bench conntrack measures the addon beside the conntrack tool, and counts every event', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hw-bench-test-'))
  try {
    const file = join(folder, 'figures.json')
    const sizes = [
      '--services',
      '100',
      '--entries',
      '5000',
      '--seconds',
      '1',
      '--rounds',
      '1',
      '--buffer',
      '8',
    ]
    await execute(process.execPath, [hawser, 'bench', 'conntrack', ...sizes, '--json', file])
    const figures = JSON.parse(await readFile(file, 'utf8'))
    expect(figures).toMatchObject({ suite: 'conntrack', services: 100, entries: 5000 })
    const positive = [
      'events_per_s_no_loss',
      'reader_core_share',
      'dump_ratio',
      'delete_ratio',
      'snapshot_ms',
    ]
    for (const key of positive) expect(figures[key], key).toBeGreaterThan(0)
    expect(figures).toHaveProperty('conntrack_e_per_s')
    expect(figures).toHaveProperty('extra_rss_mib')
    expect(figures.host).toHaveProperty('kernel')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
