import { dirname, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { ClusterLink } from './harness/cluster-network.ts'
import { ClusterProcess } from './harness/process.ts'
import { TestCluster } from './harness/test-cluster.ts'

const main = resolve(process.env.HAWSER_COMMAND ?? 'dist/src/cli/main.js')
/** For what a busy machine may take its time over. */
const PATIENCE_MS = 60_000

let cluster: TestCluster
let machine: ClusterLink
let server: string
let identity: Readonly<Record<string, string>>
const running: ClusterProcess[] = []

beforeAll(async () => {
  cluster = await TestCluster.start({ network: true })
  machine = await cluster.network.plug('lonely')
  server = `https://${cluster.network.address}:${cluster.serverPort}`
  const { cert, key } = await cluster.clientCertificate('system:node:lonely', ['system:nodes'])
  identity = { 'client-certificate': cert, 'client-key': key }
})

afterEach(async () => {
  for (const daemon of running.splice(0)) await daemon.stop('SIGKILL')
})

afterAll(() => cluster?.dispose())

const kubeconfig = (name: string, user = identity, more: Readonly<Record<string, unknown>> = {}) =>
  cluster.writeKubeconfig(`${name}.kubeconfig`, user, { server, ...more })

/** A machine with a network and no container runtime. `logName` tells runs apart. */
function start(logName: string, file: string, ...flags: readonly string[]): ClusterProcess {
  const folder = cluster.place.folder
  const daemon = ClusterProcess.start(
    'node',
    { binaries: dirname(process.execPath), folder },
    [
      ...[main, 'node', `--kubeconfig=${file}`, '--hostname-override=lonely', `--node-ip=${machine.address}`],
      ...[`--container-runtime-endpoint=unix://${folder}/nobody.sock`, `--root-dir=${folder}/lonely`],
      ...[`--pod-logs-dir=${folder}/logs`, '--conntrack-max-per-core=0', ...flags],
    ],
    { netns: machine.netns.path, logName },
  )
  running.push(daemon)
  return daemon
}

/** As often as that it has asked the API server in vain, by its own metrics. */
const asksInVain = (times: number) =>
  eventually(async () => {
    const metrics = await machine.netns.exec('curl', '-s', 'http://127.0.0.1:10248/metrics')
    const line = /^rest_client_requests_total\{code="(?:<error>|401)".*\} (\d+)$/m.exec(metrics)
    if (Number(line?.[1]) >= times) return true
    throw new Error(`it asked in vain ${line?.[1] ?? 'not once'}`)
  }, PATIENCE_MS)

const says = (daemon: ClusterProcess, text: string) =>
  eventually(async () => {
    const said = await daemon.output()
    if (said.includes(text)) return said
    throw new Error(`it says ${said}`)
  }, PATIENCE_MS)

const count = (text: string, part: string): number => text.split(part).length - 1

it("a kubeconfig that is not there, or is another node's, ends it with one line", async () => {
  const { cert, key } = await cluster.clientCertificate('system:node:other', ['system:nodes'])
  const user = { 'client-certificate': cert, 'client-key': key }
  const missing = start('missing', '/nowhere/kubeconfig')
  await missing.ended
  expect(missing.exitCode).toBe(1)
  expect(await missing.output()).toMatch(/^hawser: cannot read the kubeconfig \/nowhere\/kubeconfig: .*\n$/)
  const other = start('other', await kubeconfig('other', user))
  await other.ended
  expect(other.exitCode).toBe(1)
  expect(await other.output()).toBe(
    'hawser: the kubeconfig is that of node other, and this node is called lonely ' +
      '(add --hostname-override other, or take the kubeconfig of node lonely)\n',
  )
})

it.each([
  {
    what: 'an authority that did not sign',
    file: () => kubeconfig('stranger', identity, { 'certificate-authority': identity['client-certificate'] }),
    reason: 'check certificate-authority',
  },
  {
    what: 'credentials that are refused',
    file: () => kubeconfig('refused', { token: 'nobodys' }),
    reason: '401 Unauthorized',
  },
])('$what: said once, tried again, and ended by SIGTERM meanwhile', async ({ file, reason }) => {
  const daemon = start(reason.replaceAll(' ', '-'), await file())
  const said = await says(daemon, reason)
  await asksInVain(3)
  expect(await daemon.output()).toBe(said)
  await daemon.stop()
  expect(daemon.exitCode).toBe(0)
})

it('API server and runtime may come later: each is said once, Services are served, and the Node says what is missing', async () => {
  await cluster.stopApiServer()
  const daemon = start('away', await kubeconfig('lonely'))
  await asksInVain(3)
  await cluster.startApiServer()
  const said = await says(daemon, 'Serving the API server in mode nftables')
  expect(count(said, 'cannot be registered yet')).toBe(1)
  expect(count(said, 'waits for its container runtime')).toBe(1)
  await eventually(async () => {
    const { status } = (await cluster.admin.json({ path: '/api/v1/nodes/lonely' })) as NodeObject
    const ready = status.conditions?.find(({ type }) => type === 'Ready')
    if (ready?.status === 'False' && ready.message.includes('container runtime')) return true
    throw new Error(`the Node's Ready is ${JSON.stringify(ready)}`)
  }, PATIENCE_MS)

  const second = start('second', await kubeconfig('lonely'))
  await second.ended
  expect(second.exitCode).toBe(1)
  expect(await second.output()).toMatch(
    /^hawser: process \d+ runs a node on .*\(end it first.*--root-dir\)\n$/,
  )
})

it('a name that another machine has, which is alive, ends it with what to do', async () => {
  const patch = (path: string, body: object) =>
    cluster.admin.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body })
  const first = start('registered', await kubeconfig('lonely'))
  await says(first, 'Serving the API server')
  await first.stop()
  await patch('/api/v1/nodes/lonely/status', { status: { nodeInfo: { machineID: 'another' } } })
  await patch('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/lonely', {
    spec: { renewTime: new Date(Date.now() + PATIENCE_MS).toISOString().replace('Z', '000Z') },
  })
  const second = start('taken', await kubeconfig('lonely'))
  await second.ended
  expect(second.exitCode).toBe(1)
  expect(await second.output()).toMatch(
    /the node name lonely is held by another machine .*--hostname-override/,
  )
})

interface NodeObject {
  readonly status: {
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly message: string
    }[]
  }
}
