import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  applyConntrackSysctls,
  type ConntrackSettings,
  tableLimit,
} from '../../../../src/dataplane/conntrack/sysctls.ts'
import { silentLogger } from '../../../../src/util/logger.ts'

const FILES = {
  limit: 'proc/sys/net/netfilter/nf_conntrack_max',
  hashSize: 'sys/module/nf_conntrack/parameters/hashsize',
  established: 'proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established',
  closeWait: 'proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait',
  udp: 'proc/sys/net/netfilter/nf_conntrack_udp_timeout',
  udpStream: 'proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream',
  liberal: 'proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal',
} as const
type File = keyof typeof FILES

const BEFORE: Readonly<Record<File, number>> = {
  limit: 262_144,
  hashSize: 65_536,
  established: 432_000,
  closeWait: 60,
  udp: 30,
  udpStream: 120,
  liberal: 0,
}

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hw-sysctls-'))
  for (const [file, value] of Object.entries(BEFORE)) {
    const path = join(root, FILES[file as File])
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, `${value}\n`)
  }
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function applied(settings: ConntrackSettings, processors = 2): Promise<Record<string, number>> {
  const problems = await applyConntrackSysctls(settings, silentLogger, { root, processors })
  expect(problems).toEqual([])
  const values = Object.entries(FILES).map(async ([file, path]) => {
    return [file, Number(await readFile(join(root, path), 'utf8'))] as const
  })
  return Object.fromEntries(await Promise.all(values))
}

describe('the limit of the table', () => {
  it.each([
    { settings: { maxPerCore: 32_768, min: 131_072 }, processors: 2, limit: 131_072, why: 'the minimum' },
    { settings: { maxPerCore: 32_768, min: 131_072 }, processors: 16, limit: 524_288, why: 'scaled' },
    { settings: { maxPerCore: 32_768, min: 131_072 }, processors: 96, limit: 1_048_576, why: 'capped' },
    { settings: { maxPerCore: 32_768 }, processors: 2, limit: 65_536, why: 'no minimum' },
    { settings: { maxPerCore: 0, min: 131_072 }, processors: 2, limit: 0, why: 'switched off' },
    { settings: {}, processors: 2, limit: 0, why: 'nothing asked for' },
  ])('is $limit with $settings on $processors processors: $why', ({ settings, processors, limit }) => {
    expect(tableLimit(settings, processors)).toBe(limit)
  })

  it('is raised, and the hash table with it', async () => {
    expect(await applied({ maxPerCore: 262_144 })).toEqual({
      ...BEFORE,
      limit: 524_288,
      hashSize: 131_072,
    })
  })

  it('stays where it is larger', async () => {
    expect(await applied({ maxPerCore: 32_768, min: 131_072 })).toEqual(BEFORE)
  })
})

describe('time-outs', () => {
  it('become what they are given as, whether that is more or less', async () => {
    const timeouts = {
      tcpEstablishedTimeoutMs: 86_400_000,
      tcpCloseWaitTimeoutMs: 3_600_000,
      udpTimeoutMs: 10_000,
      udpStreamTimeoutMs: 180_000,
    }
    expect(await applied(timeouts)).toEqual({
      ...BEFORE,
      established: 86_400,
      closeWait: 3600,
      udp: 10,
      udpStream: 180,
    })
  })

  it('of 0 stay as they are, and shorter ones than the kernel can count are its shortest', async () => {
    expect(await applied({ tcpEstablishedTimeoutMs: 0, udpTimeoutMs: 500 })).toEqual({ ...BEFORE, udp: 1 })
  })
})

it('be-liberal is switched on and never off', async () => {
  expect(await applied({ tcpBeLiberal: true })).toEqual({ ...BEFORE, liberal: 1 })
  expect(await applied({ tcpBeLiberal: false })).toEqual({ ...BEFORE, liberal: 1 })
})

it('what is not there is one problem each, and the rest is set all the same', async () => {
  await rm(join(root, FILES.limit))
  await rm(join(root, FILES.hashSize))
  const settings = { maxPerCore: 262_144, udpTimeoutMs: 10_000 }
  const problems = await applyConntrackSysctls(settings, silentLogger, { root, processors: 2 })
  expect(problems.map(({ place }) => place)).toEqual([
    'sysctl net.netfilter.nf_conntrack_max',
    'hash size of nf_conntrack',
  ])
  expect(problems[0]).toMatchObject({ severity: 'warning', reason: expect.stringContaining('ENOENT') })
  expect(Number(await readFile(join(root, FILES.udp), 'utf8'))).toBe(10)
})
