import { afterEach, beforeEach, expect, it } from 'vitest'
import { applyConntrackSysctls } from '../../src/dataplane/conntrack/sysctls.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { Netns } from '../support/netns.ts'

let netns: Netns
beforeEach(async () => {
  netns = await Netns.create('sysctl')
})
afterEach(() => netns.dispose())

const value = async (name: string): Promise<number> =>
  Number(await netns.exec('sysctl', '-n', `net.netfilter.${name}`))

it('time-outs and be-liberal are those of the namespace', async () => {
  const settings = {
    tcpEstablishedTimeoutMs: 86_400_000,
    tcpCloseWaitTimeoutMs: 3_600_000,
    udpTimeoutMs: 11_000,
    udpStreamTimeoutMs: 99_000,
    tcpBeLiberal: true,
  }
  expect(await applyConntrackSysctls(settings, silentLogger, { netns: netns.path })).toEqual([])
  expect(await value('nf_conntrack_tcp_timeout_established')).toBe(86_400)
  expect(await value('nf_conntrack_tcp_timeout_close_wait')).toBe(3600)
  expect(await value('nf_conntrack_udp_timeout')).toBe(11)
  expect(await value('nf_conntrack_udp_timeout_stream')).toBe(99)
  expect(await value('nf_conntrack_tcp_be_liberal')).toBe(1)
})

it('a limit that cannot be written is reported with what to do, and changes nothing', async () => {
  // The kernel lets no namespace but the first one change the limit, whoever asks: as a read-only /proc/sys.
  const before = await value('nf_conntrack_max')
  const settings = { maxPerCore: before + 1, udpTimeoutMs: 12_000 }
  const options = { netns: netns.path, processors: 1, root: '/' }
  const problems = await applyConntrackSysctls(settings, silentLogger, options)
  expect(problems[0]).toMatchObject({
    place: 'sysctl net.netfilter.nf_conntrack_max',
    reason: expect.stringContaining(`is ${before} and cannot be set to ${before + 1}`),
    remedy: expect.stringContaining('net.netfilter.nf_conntrack_max'),
    severity: 'warning',
  })
  expect(await value('nf_conntrack_max')).toBe(before)
  expect(await value('nf_conntrack_udp_timeout')).toBe(12)
})
