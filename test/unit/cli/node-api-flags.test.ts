import { describe, expect, it } from 'vitest'
import { parseFlags } from '../../../src/cli/flags.ts'
import { nodeApiConfig, serverFlags } from '../../../src/cli/kubelet/server-flags.ts'

function parse(...args: readonly string[]) {
  const line = parseFlags(serverFlags, args)
  if (line.kind !== 'run') throw new Error('help was asked for')
  return nodeApiConfig(line.flags)
}

describe('the API of the node', () => {
  it("is served as the kubelet's unless told otherwise", () => {
    expect(parse()).toEqual({
      bind: { address: '0.0.0.0', port: 10_250 },
      certificate: undefined,
      clientAuthority: undefined,
      lifetimes: { tokenMs: 120_000, allowedMs: 300_000, deniedMs: 30_000 },
    })
  })

  it('is served nowhere with port 0', () => {
    expect(parse('--port=0')).toBeUndefined()
  })

  it('is served with files that are given, wherever the process runs', () => {
    const files = ['--tls-cert-file=a.crt', '--tls-private-key-file=/etc/a.key', '--client-ca-file=ca.crt']
    expect(parse(...files, '--address=::1', '--port=12345')).toMatchObject({
      bind: { address: '::1', port: 12_345 },
      certificate: { cert: `${process.cwd()}/a.crt`, key: '/etc/a.key' },
      clientAuthority: `${process.cwd()}/ca.crt`,
    })
  })

  it('remembers answers of the API server for as long as it is told', () => {
    const lifetimes = [
      '--authentication-token-webhook-cache-ttl=1m',
      '--authorization-webhook-cache-authorized-ttl=2m30s',
      '--authorization-webhook-cache-unauthorized-ttl=0s',
    ]
    expect(parse(...lifetimes)?.lifetimes).toEqual({ tokenMs: 60_000, allowedMs: 150_000, deniedMs: 0 })
  })
})

it.each([
  [['--port=65536'], '--port must be a number from 0 to 65535'],
  [['--port=-1'], '--port must be a number from 0 to 65535'],
  [['--address=node'], '--address must be an IP address'],
  [['--tls-cert-file=a.crt'], '--tls-cert-file and --tls-private-key-file belong together'],
  [['--authorization-webhook-cache-authorized-ttl=5'], 'must be a duration'],
])('%j is refused', (args, message) => {
  expect(() => parse(...args)).toThrow(message)
})
