import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const execute = promisify(execFile)
const hawser = join(import.meta.dirname, '../../dist/src/cli/main.js')

/** Runs a suite and returns what it wrote as JSON. */
async function bench(folder: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const file = join(folder, 'figures.json')
  await execute(process.execPath, [hawser, 'bench', ...args, '--json', file])
  return JSON.parse(await readFile(file, 'utf8'))
}

describe('hawser bench', () => {
  let folder = ''

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hw-bench-test-'))
  })

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  it.each(['nftables', 'iptables'])(
    'programming measures %s and its floor, and says what it measured',
    async (backend) => {
      const sizes = ['--services', '30', '--endpoints', '3', '--changes', '8', '--warm-up', '2']
      const rounds = ['--batches', '3', '--compare', '10', '--rounds', '1']
      const figures = await bench(folder, 'programming', '--backend', backend, ...sizes, ...rounds)
      expect(figures).toMatchObject({ suite: 'programming', backend, services: 30, endpoints: 3 })
      for (const what of ['change', 'replace', 'add', 'remove', 'service', 'batch'])
        for (const share of ['p50', 'p99'])
          expect(figures[`${what}_${share}_ms`], `${what} ${share}`).toBeGreaterThan(0)
      for (const key of ['cold_ms', 'floor_cold_ms', 'floor_change_p50_ms', 'floor_batch_p50_ms'])
        expect(figures[key], key).toBeGreaterThan(0)
      for (const key of ['rss_mib', 'syscalls_cold', 'messages_change', 'change_p50_over_10'])
        expect(figures[key], key).toBeGreaterThan(0)
      expect(figures.host).toHaveProperty('kernel')
    },
  )

  it('datapath measures real connections through Services, beside no Service and one fixed rule', async () => {
    const sizes = ['--services', '3,20', '--endpoints', '2', '--rounds', '1', '--milliseconds', '20']
    const figures = await bench(folder, 'datapath', ...sizes)
    expect(figures).toMatchObject({ suite: 'datapath', backend: 'nftables', services: '3,20' })
    for (const transport of ['tcp', 'udp']) {
      for (const lane of ['direct', 'rule', '3', '20'])
        for (const what of ['per_s', 'cpu_us', 'p50_us', 'p99_us'])
          expect(figures[`${transport}_${lane}_${what}`], `${transport} ${lane} ${what}`).toBeGreaterThan(0)
      for (const lane of ['3', '20']) expect(figures).toHaveProperty(`${transport}_${lane}_over_rule`)
    }
  })

  it('netlink measures the addon beside both peers', async () => {
    const figures = await bench(folder, 'netlink', '--rounds', '1', '--round-trips', '50', '--messages', '50')
    for (const contestant of ['addon', 'node_netlink', 'cpp'])
      for (const load of ['round_trips_per_s', 'messages_per_s'])
        expect(figures[`${contestant}_${load}`], `${contestant} ${load}`).toBeGreaterThan(0)
  })

  it('refuses a wrong command line with status 2 and one line that says why', async () => {
    const run = execute(process.execPath, [hawser, 'bench', 'programming', '--services', 'many'])
    await expect(run).rejects.toMatchObject({
      code: 2,
      stderr: 'hawser bench: --services must be a whole number of at least 1, not "many"\n',
    })
  })
})
