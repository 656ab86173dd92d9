import { afterEach, expect, it, vi } from 'vitest'
import { runCommandLine } from '../../../src/cli/run-command-line.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Exit status and what stands on stderr. */
async function run(...args: readonly string[]): Promise<readonly [number, string]> {
  const lines: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    lines.push(String(text))
    return true
  })
  return [await runCommandLine(args), lines.join('')]
}

it.each([
  [
    ['proxy'],
    'proxy needs to be told where Services come from (hawser proxy --kubeconfig FILE, or --manifests DIR, or run it in a pod)',
  ],
  [['proxy', 'DIR'], 'proxy takes no operand (name a folder with --manifests DIR)'],
  [
    ['proxy', '--manifests', 'DIR', '--kubeconfig', 'FILE'],
    '--manifests and an API server do not go together (choose one of them)',
  ],
  [
    ['proxy', '--master', 'ftp://10.0.0.1'],
    '--master must be a URL such as https://10.0.0.1:6443, not "ftp://10.0.0.1" (see --help)',
  ],
  [
    ['proxy', '--manifests', 'DIR', '--proxy-mode', 'ebpf'],
    '--proxy-mode must be nftables, ipvs or iptables, not "ebpf" (see --help)',
  ],
  [
    ['proxy', '--manifests', 'DIR', '--audit-interval', '60'],
    '--audit-interval must be a duration of 0 or more, such as 500ms, 30s or 1h2m3s, not "60" (see --help)',
  ],
  [['explain'], 'explain takes an address with a port (hawser explain 10.96.0.1:80/TCP)'],
  [['explain', 'web:80'], 'explain takes an address with a port (hawser explain 10.96.0.1:80/TCP)'],
  [['explain', '10.96.0.1:80', '--from', 'web'], '--from must be an IP address, not "web" (see --help)'],
  [['status', 'now'], 'status takes no operand (hawser status)'],
  [['top', 'web'], 'top takes no operand (hawser top)'],
  [['top', '--interval', '0s'], '--interval must be a duration such as 500ms or 2s, not "0s" (see --help)'],
  [
    ['top', '--service', 'a/b/c'],
    '--service must be a Service such as default/web, not "a/b/c" (see --help)',
  ],
  [['flows', 'web'], 'flows takes no operand (hawser flows --service default/web)'],
  [['flows', '--limit', '100001'], '--limit must be a number up to 100000, not "100001" (see --help)'],
  [['flows', '--endpoint', 'web'], '--endpoint must be an IP address, not "web" (see --help)'],
  [
    ['proxy', '--manifests', 'DIR', '--metrics-services', 'all'],
    '--metrics-services must be a number up to 999999, not "all" (see --help)',
  ],
])('a wrong command line is one line and status 2: %j', async (args, line) => {
  expect(await run(...args)).toEqual([2, `hawser: ${line}\n`])
})

it.each([['status'], ['explain', '10.96.0.1:80'], ['flows'], ['top', '--json'], ['top', '--plain']])(
  '%s says when no daemon runs',
  async (...args) => {
    const [status, line] = await run(...args, '--socket', '/nonexistent/control.sock')
    expect(status).toBe(1)
    expect(line).toMatch(
      /^hawser: nobody answers at \/nonexistent\/control\.sock: .*\(start hawser node, hawser proxy or hawser up/,
    )
  },
)
