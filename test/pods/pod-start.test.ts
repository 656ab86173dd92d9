import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { buildContainer, buildPod, mount, script } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'

const used = usePodMachine()
const emptyDir = { kind: 'emptyDir', medium: 'disk', sizeBytes: undefined } as const

test('a pod answers on its own address', async () => {
  const { machine, node } = used
  const pod = buildPod('web', {
    containers: [script('main', 'echo hello > /www/index.html; exec httpd -f -p 8080 -h /www')],
  })
  node.set(pod)
  const { podIPs, phase, reason } = await node.running(pod)
  expect({ phase, reason }).toEqual({ phase: 'Running', reason: 'Running' })
  expect(podIPs[0]).toMatch(/^10\.133\.0\.\d+$/)
  const get = ['busybox', 'wget', '-q', '-O', '-', `http://${podIPs[0]}:8080/`]
  const inNetns = () =>
    execFileSync('ip', ['netns', 'exec', machine.netns, ...get], { encoding: 'utf8', stdio: 'pipe' })
  expect(await eventually(inNetns)).toBe('hello\n')
})

test('init containers run to their end one after the other, then the containers start', async () => {
  const { node } = used
  const mounts = { volumeMounts: [mount('log', '/log')] }
  const pod = buildPod('ordered', {
    volumes: [{ name: 'log', source: emptyDir }],
    initContainers: [
      script('first', 'sleep 0.2; echo first >> /log/order', mounts),
      script('second', 'echo second >> /log/order', mounts),
    ],
    containers: [script('main', 'echo main >> /log/order; sleep 1000', mounts)],
  })
  node.set(pod)
  const { initContainers } = await node.running(pod)
  expect(initContainers.map(({ state }) => state.kind === 'terminated' && state.reason)).toEqual([
    'Completed',
    'Completed',
  ])
  expect(await eventually(() => node.output(pod, 'grep -q main /log/order && cat /log/order'))).toBe(
    'first\nsecond\nmain',
  )
})

test('a failed init container keeps the containers of a pod that never restarts from starting', async () => {
  const { node } = used
  const pod = buildPod('init-fails', { restartPolicy: 'Never', initContainers: [script('check', 'exit 3')] })
  node.set(pod)
  const status = await node.waitFor(pod, ({ phase }) => phase === 'Failed')
  expect(status.containers[0]?.id).toBe('')
  expect(status.reason).toBe('Init:Error')
})

test('variables carry the pod, the node and each other', async () => {
  const { node } = used
  const field = (name: string, path: string) => ({ name, value: { kind: 'field', path } as const })
  const literal = (name: string, value: string) => ({ name, value: { kind: 'literal', value } as const })
  const pod = buildPod('speaks', {
    labels: new Map([['tier', 'front']]),
    containers: [
      buildContainer({
        name: 'main',
        env: [
          field('POD_NAME', 'metadata.name'),
          field('POD_IP', 'status.podIP'),
          field('NODE', 'spec.nodeName'),
          field('HOST_IP', 'status.hostIP'),
          field('TIER', "metadata.labels['tier']"),
          literal('GREETING', 'I am $(POD_NAME) at $(POD_IP), not $$(HOME) nor $(NOBODY)'),
        ],
      }),
    ],
  })
  node.set(pod)
  const { podIPs } = await node.running(pod)
  expect(await node.output(pod, 'echo "$GREETING|$NODE|$HOST_IP|$TIER"')).toBe(
    `I am speaks at ${podIPs[0]}, not $(HOME) nor $(NOBODY)|test-node|192.0.2.1|front`,
  )
})

test('a pod knows its own name', async () => {
  const { node } = used
  const pod = buildPod('named')
  node.set(pod)
  const { podIPs } = await node.running(pod)
  expect(await node.output(pod, 'hostname')).toBe('named')
  expect(await node.output(pod, 'cat /etc/hosts')).toContain(`${podIPs[0]}\tnamed`)
})

test('a pod in the network of the node has the addresses of the node', async () => {
  const { node } = used
  const pod = buildPod('of-the-node', { hostNetwork: true })
  node.set(pod)
  expect((await node.running(pod)).podIPs).toEqual(['192.0.2.1'])
})

test('what a container leaves in its termination log is the message of its end', async () => {
  const { node } = used
  const pod = buildPod('last-words', {
    restartPolicy: 'Never',
    containers: [script('main', 'echo -n "no more coffee" > /dev/termination-log; exit 7')],
  })
  node.set(pod)
  const { containers } = await node.waitFor(pod, (status) =>
    status.containers.some(({ state }) => state.kind === 'terminated' && state.message !== ''),
  )
  expect(containers[0]?.state).toMatchObject({ exitCode: 7, reason: 'Error', message: 'no more coffee' })
})

test('a pod whose work is done succeeds and gives its address back', async () => {
  const { node } = used
  const pod = buildPod('job', { restartPolicy: 'OnFailure', containers: [script('main', 'exit 0')] })
  node.set(pod)
  const { reason } = await node.waitFor(
    pod,
    ({ phase, podIPs }) => phase === 'Succeeded' && podIPs.length === 0,
  )
  expect(reason).toBe('Completed')
})

test('a changed pod of the same name starts when nothing is left of the old one', async () => {
  const { node } = used
  const old = buildPod('changing', { uid: 'uid-changing-1' })
  node.set(old)
  await node.running(old)
  const fresh = { ...old, uid: 'uid-changing-2' }
  node.set(fresh)
  await node.running(fresh)
  expect(node.status(old)).toBeUndefined()
  const order = node.news.flatMap((news) =>
    'removed' in news ? [`${news.uid} removed`] : news.phase === 'Pending' ? [`${news.uid} pending`] : [],
  )
  expect(order.indexOf('uid-changing-2 pending')).toBeGreaterThan(order.indexOf('uid-changing-1 removed'))
  expect(order).toContain('uid-changing-1 removed')
})
