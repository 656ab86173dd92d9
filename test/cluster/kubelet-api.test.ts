import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGE } from '../support/containerd-images.ts'
import { eventually } from '../support/eventually.ts'
import { Terminal } from '../support/terminal.ts'
import { TestCluster } from './harness/test-cluster.ts'
import { TestNode } from './harness/test-node.ts'
import { Kubectl, type KubectlOptions } from './kubectl.ts'
import { openChannels } from './websocket-channels.ts'

const NODE = 'worker'
const PODS = '/api/v1/namespaces/default/pods'
const LIMIT_MS = 60_000
/** As process 1 a shell ignores SIGTERM unless it traps it. */
const SLEEP = 'trap "exit 0" TERM; while :; do sleep 1000 & wait; done'

let cluster: TestCluster
let node: TestNode
let folder: string
const started = new Set<Kubectl>()

/** kubectl with every right, to its end. */
const kubectl = (args: readonly string[], options?: KubectlOptions) => Kubectl.run(cluster, args, options)

function start(args: readonly string[], options?: KubectlOptions): Kubectl {
  const running = new Kubectl(cluster, args, options)
  started.add(running)
  return running
}

interface PodReport {
  readonly status: {
    readonly phase: string
    readonly containerStatuses?: readonly {
      readonly restartCount: number
      readonly state: { readonly waiting?: { readonly reason: string }; readonly running?: object }
    }[]
  }
}

const createPod = (name: string, script: string, spec: object = {}, container: object = {}) =>
  cluster.admin.json({
    ...{ method: 'POST', path: PODS },
    body: {
      metadata: { name },
      spec: {
        ...{ nodeName: NODE, automountServiceAccountToken: false, terminationGracePeriodSeconds: 1 },
        containers: [{ name: 'main', image: TEST_IMAGE, command: ['sh', '-c', script], ...container }],
        ...spec,
      },
    },
  })

const when = (name: string, matches: (pod: PodReport) => boolean) =>
  eventually(async () => {
    const pod = (await cluster.admin.json({ path: `${PODS}/${name}` })) as PodReport
    if (matches(pod)) return pod
    throw new Error(`pod ${name} is ${JSON.stringify(pod.status)}; ${await node.lastWords()}`)
  }, LIMIT_MS)

const isRunning = ({ status }: PodReport): boolean =>
  status.containerStatuses?.[0]?.state.running !== undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-'))
  cluster = await TestCluster.start({ network: true })
  await cluster.serviceAccountToken('default', 'default', 60)
  node = await TestNode.start(cluster, { name: NODE, command: 'kubelet' })
  await Promise.all([
    createPod('talker', `echo one; echo two >&2; printf 'thr'; printf 'ee\\n'; ${SLEEP}`),
    createPod('finishes', 'echo begun; until [ -e /go ]; do sleep 0.1; done; echo done', {
      restartPolicy: 'Never',
    }),
    createPod(
      'restarts',
      `if [ -e /kept/ran ]; then echo second; ${SLEEP}; fi; touch /kept/ran; echo first; exit 3`,
      { volumes: [{ name: 'kept', emptyDir: {} }] },
      { volumeMounts: [{ name: 'kept', mountPath: '/kept' }] },
    ),
    createPod('waits', 'true', {}, { image: 'localhost/nowhere:1', imagePullPolicy: 'Never' }),
    createPod('listens', 'while read -r line; do echo "heard $line"; done', {}, { stdin: true }),
    createPod('serves', 'echo "served by a pod" > /www/index.html; exec httpd -f -p 8080 -h /www'),
  ])
  await Promise.all(['talker', 'finishes', 'listens', 'serves'].map((name) => when(name, isRunning)))
})

afterAll(async () => {
  for (const running of started) running.kill()
  await node?.dispose()
  await cluster?.dispose()
  await rm(folder, { recursive: true, force: true })
})

describe('kubectl logs', () => {
  it('prints what both streams have', async () => {
    const { stdout } = await kubectl(['logs', 'talker'])
    expect(stdout.split('\n').sort()).toEqual(['', 'one', 'three', 'two'])
  })

  it('prints the last lines, with their times', async () => {
    const { stdout } = await kubectl(['logs', 'talker', '--tail=1', '--timestamps'])
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (three|two)\n$/)
  })

  it('prints as many bytes as are asked for, and what is new enough', async () => {
    expect((await kubectl(['logs', 'talker', '--limit-bytes=2'])).stdout).toHaveLength(2)
    expect((await kubectl(['logs', 'talker', '--since=1h'])).stdout).toContain('one\n')
    expect((await kubectl(['logs', 'talker', '--since-time=2999-01-01T00:00:00Z'])).stdout).toBe('')
  })

  it('prints the run before this one', async () => {
    await when('restarts', (pod) => pod.status.containerStatuses?.[0]?.restartCount === 1 && isRunning(pod))
    expect((await kubectl(['logs', 'restarts', '--previous'])).stdout).toBe('first\n')
    expect((await kubectl(['logs', 'restarts'])).stdout).toBe('second\n')
  })

  it('follows a container to its end', async () => {
    const following = start(['logs', '--follow', 'finishes'])
    await following.says('begun\n')
    await kubectl(['exec', 'finishes', '--', 'touch', '/go'])
    expect(await following.ended()).toMatchObject({ stdout: 'begun\ndone\n', exitCode: 0 })
  })

  it('says why there is nothing', async () => {
    await when(
      'waits',
      ({ status }) => status.containerStatuses?.[0]?.state.waiting?.reason === 'ErrImageNeverPull',
    )
    const waiting = 'container "main" in pod "waits" is waiting to start: ErrImageNeverPull'
    expect(await kubectl(['logs', 'waits'])).toMatchObject({
      stderr: `Error from server (BadRequest): ${waiting}\n`,
      exitCode: 1,
    })
    const missing = 'previous terminated container "main" in pod "talker" not found'
    expect((await kubectl(['logs', 'talker', '--previous'])).stderr).toContain(missing)
  })
})

describe.each([
  ['WebSocket', {}],
  ['SPDY', { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' }],
])('over %s', (_, env) => {
  it('kubectl exec passes output, errors and exit status on', async () => {
    const exec = ['exec', 'talker', '--', 'sh', '-c']
    expect(await kubectl([...exec, 'echo out; echo err >&2; exit 7'], { env })).toEqual({
      stdout: 'out\n',
      stderr: 'err\ncommand terminated with exit code 7\n',
      exitCode: 7,
    })
  })

  it('kubectl exec passes input on to its end, however much it is', async () => {
    const input = 'all work and no play\n'.repeat(100_000)
    const { stdout, exitCode } = await kubectl(['exec', '-i', 'talker', '--', 'cat'], { env, input })
    expect(exitCode).toBe(0)
    expect(stdout === input).toBe(true)
  })

  it('kubectl exec into what is not there says so', async () => {
    const { stderr, exitCode } = await kubectl(['exec', 'waits', '--', 'true'], { env })
    expect(stderr).toContain('container not found ("main")')
    expect(exitCode).toBe(1)
  })

  it('kubectl port-forward leads to a port of the pod, several times', async () => {
    const forwarding = start(['port-forward', 'pod/serves', ':8080'], { env })
    await forwarding.says('Forwarding from 127.0.0.1:')
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(forwarding.stdout)?.[1])
    for (let times = 0; times < 3; times++)
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('served by a pod\n')
    await forwarding.interrupt()
  })
})

it('kubectl exec -it gives a terminal of the size of the own one', async () => {
  const command = `${cluster.place.binaries}/kubectl --kubeconfig=${cluster.kubeconfig} exec -it talker -- sh`
  const terminal = new Terminal('/proc/self/ns/net', command)
  try {
    await terminal.says('# ')
    terminal.type('busybox stty size; exit 5\r')
    await terminal.says('24 80')
    expect(await terminal.ended()).toBe(5)
  } finally {
    await terminal.dispose()
  }
})

it('kubectl attach speaks with the process of a container', async () => {
  const attached = start(['attach', '-i', 'listens'])
  attached.type('me\n')
  await attached.says('heard me\n')
  await attached.interrupt()
})

it('a WebSocket of the kind that browsers open carries a session, too', async () => {
  const command = ['sh', '-c', 'echo out; echo err >&2; exit 3'].map(
    (word) => `command=${encodeURIComponent(word)}`,
  )
  const path = `${PODS}/talker/exec?${command.join('&')}&stdout=1&stderr=1`
  const channels = await openChannels(cluster, path, 'v4.channel.k8s.io')
  expect(channels.get(1)).toBe('out\n')
  expect(channels.get(2)).toBe('err\n')
  expect(JSON.parse(channels.get(3) ?? '')).toMatchObject({ details: { causes: [{ message: '3' }] } })
})

it('kubectl cp brings folders there and back', async () => {
  const [there, back] = [join(folder, 'there'), join(folder, 'back')]
  await mkdir(there)
  const bytes = Buffer.from(Array.from({ length: 1 << 20 }, (_, index) => (index * 7) % 251))
  await writeFile(join(there, 'large'), bytes)
  await writeFile(join(there, 'small'), 'few')
  expect(await kubectl(['cp', there, 'talker:/tmp/copied'])).toMatchObject({ exitCode: 0 })
  expect(await kubectl(['cp', 'talker:/tmp/copied', back])).toMatchObject({ exitCode: 0 })
  expect((await readFile(join(back, 'large'))).equals(bytes)).toBe(true)
  expect(await readFile(join(back, 'small'), 'utf8')).toBe('few')
})

it('what the node knows can be read through the API server', async () => {
  const raw = async (path: string) =>
    (await kubectl(['get', '--raw', `/api/v1/nodes/${NODE}/proxy/${path}`])).stdout
  const names = async (path: string) => {
    const { items } = JSON.parse(await raw(path)) as { items: { metadata: Record<string, unknown> }[] }
    return items.map(({ metadata }) => metadata.name)
  }
  expect(await names('pods')).toEqual(expect.arrayContaining(['talker', 'waits', 'serves']))
  expect(await raw('pods')).not.toContain('managedFields')
  expect(await names('runningpods/')).toEqual(expect.arrayContaining(['talker', 'serves']))
  expect(await raw('healthz')).toBe('ok')
  expect(await raw('metrics')).toMatch(/kubelet_http_requests_total\{method="GET",path="containerLogs"/)
  expect(JSON.parse(await raw('configz'))).toHaveProperty('kubeletconfig')
})

it('what pods use can be read through the API server', async () => {
  const raw = async (path: string) =>
    (await kubectl(['get', '--raw', `/api/v1/nodes/${NODE}/proxy/${path}`])).stdout
  const resources = await raw('metrics/resource')
  expect(resources).toMatch(
    /^container_cpu_usage_seconds_total\{container="main",namespace="default",pod="serves"\} /m,
  )
  expect(resources).toMatch(/^resource_scrape_error 0$/m)
  expect(await raw('metrics/cadvisor')).toMatch(
    /^container_network_receive_bytes_total\{.*pod="serves",interface="eth0"\} /m,
  )
  expect(await raw('metrics')).toMatch(new RegExp(`^kubelet_node_name\\{node="${NODE}"\\} 1$`, 'm'))
  const { node: used, pods } = JSON.parse(await raw('stats/summary'))
  expect(used.nodeName).toBe(NODE)
  expect(pods.map(({ podRef }: { podRef: { name: string } }) => podRef.name)).toContain('serves')
})

it('the node shows a certificate of its own, and strangers who ask it get nowhere', async () => {
  const cacert = ['--cacert', join(node.kubeletFolder, 'pki/kubelet.crt')]
  const ask = (path: string, ...flags: readonly string[]) =>
    node.exec(
      'curl',
      '-sS',
      ...cacert,
      '-w',
      ' %{http_code}',
      ...flags,
      `https://${node.address}:10250${path}`,
    )
  const bearer = (token: string) => ['-H', `Authorization: Bearer ${token}`]
  const pair = ({ cert, key }: { cert: string; key: string }) => ['--cert', cert, '--key', key]
  const exec = '/exec/default/talker/main?command=touch&command=/tmp/was-here&stdout=1'
  const upgrade = ['-X', 'POST', '-H', 'Connection: Upgrade', '-H', 'Upgrade: SPDY/3.1']
  const rightless = await cluster.serviceAccountToken('default', 'rightless', 600)
  const strangers: [string, readonly string[]][] = [
    ['401', []],
    ['401', bearer('nonsense')],
    ['403', bearer(rightless)],
    ['403', pair(await cluster.clientCertificate('mallory', ['people']))],
  ]
  for (const [status, identity] of strangers) {
    for (const path of ['/pods', '/metrics', '/configz', '/containerLogs/default/talker/main', '/nowhere'])
      expect(await ask(path, ...identity)).toMatch(new RegExp(` ${status}$`))
    expect(await ask(exec, ...upgrade, ...identity)).toMatch(new RegExp(` ${status}$`))
  }
  expect((await kubectl(['exec', 'talker', '--', 'ls', '/tmp'])).stdout).not.toContain('was-here')
  const admin = await cluster.clientCertificate('boss', ['system:masters'])
  expect(await ask('/containerLogs/default/talker/main?tailLines=0', ...pair(admin))).toBe(' 200')
})

it('while the API server is away nobody new gets in, and who was in goes on', async () => {
  const ask = async (user: string) => {
    const { cert, key } = await cluster.clientCertificate(user, ['system:masters'])
    const url = `https://${node.address}:10250/pods`
    return node.exec('curl', '-sk', '--cert', cert, '--key', key, '-w', ' %{http_code}', url)
  }
  expect(await ask('known')).toMatch(/ 200$/)
  await cluster.stopApiServer('SIGKILL')
  try {
    expect(await ask('unknown')).toBe('the API server cannot be asked what they may do now\n 503')
    expect(await ask('known')).toMatch(/ 200$/)
  } finally {
    await cluster.startApiServer()
  }
  await eventually(async () => / 200$/.test(await ask('unknown')) || undefined, LIMIT_MS)
})
