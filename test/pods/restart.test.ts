import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTestContainerd, type TestContainerd } from '../support/containerd.ts'
import { eventually } from '../support/eventually.ts'
import { KillableKubelet } from '../support/killable-kubelet.ts'
import { buildPod, script } from '../support/pod-builder.ts'
import { TestKubelet } from '../support/test-kubelet.ts'

let machine: TestContainerd
let node: TestKubelet | undefined
beforeEach(async () => {
  machine = await startTestContainerd()
})
afterEach(async () => {
  try {
    await node?.kubelet.removeAll(1)
    await node?.kubelet.close()
  } finally {
    node = undefined
    await machine.remove()
  }
})

/** The Kubelet of the test ends as if by its own wish, and another takes over. */
const reopen = async (): Promise<TestKubelet> => {
  await node?.kubelet.close()
  node = await TestKubelet.open(machine)
  return node
}

test('pods of a killed Hawser go on, and the next one adopts them without a restart', async () => {
  const pods = [buildPod('survivor-1'), buildPod('survivor-2')]
  const first = await KillableKubelet.startWith(
    machine,
    pods.map(({ name }) => name.replace('default/', '')),
  )
  await first.kill()
  await machine.again()
  expect(machine.containerd.adopted).toBe(true)
  const second = await reopen()
  second.set(...pods)
  second.kubelet.ready()
  for (const pod of pods) {
    const { containers } = await second.running(pod)
    expect(containers).toMatchObject([{ id: first.containerIdOf(pod), restartCount: 0 }])
  }
  expect(await operationCount(second, 'run_podsandbox')).toBe(0)
})

test('a pod that is no longer wanted after a restart is removed, but not before the source has spoken', async () => {
  const [wanted, unwanted] = [buildPod('wanted'), buildPod('unwanted')]
  const first = await reopen()
  first.set(wanted, unwanted)
  await Promise.all([first.running(wanted), first.running(unwanted)])

  const second = await reopen()
  second.set(wanted)
  await second.running(wanted)
  expect(await operationCount(second, 'stop_podsandbox')).toBe(0)
  second.kubelet.ready()
  const removed = () => second.news.find((news) => 'removed' in news && news.uid === unwanted.uid)
  await eventually(removed)
  expect(second.status(wanted)?.ready).toBe(true)
})

test('what a pod left on disk is removed when even the runtime has forgotten it', async () => {
  const left = ['pods/uid-forgotten/volumes', 'logs/default_forgotten_uid-forgotten']
  for (const path of left) await mkdir(join(machine.stateDir, path), { recursive: true })
  const kubelet = await reopen()
  kubelet.kubelet.ready()
  await eventually(async () => {
    const there = await Promise.all(['pods', 'logs'].map((name) => readdir(join(machine.stateDir, name))))
    return there.flat().length === 0 ? true : undefined
  })
})

test('pods outlive their containerd: it is started again and nothing in them restarts', async () => {
  const pod = buildPod('steady', { containers: [script('main', 'exec httpd -f -p 8080 -h /www')] })
  const kubelet = await reopen()
  kubelet.set(pod)
  const before = await kubelet.running(pod)
  process.kill(machine.containerd.pid, 'SIGKILL')
  const away = await kubelet.waitFor(pod, ({ phase }) => phase === 'Unknown')
  expect(away.reason).toBe('RuntimeUnavailable')
  const after = await kubelet.waitFor(pod, ({ phase }) => phase === 'Running')
  expect(after.containers.map(({ id, restartCount }) => ({ id, restartCount }))).toEqual(
    before.containers.map(({ id, restartCount }) => ({ id, restartCount })),
  )
  // And it does what it did before.
  const another = buildPod('afterwards')
  kubelet.set(another)
  await kubelet.running(another)
})

async function operationCount(kubelet: TestKubelet, operation: string): Promise<number> {
  const metric = await kubelet.registry.getSingleMetric('kubelet_runtime_operations_total')?.get()
  return metric?.values.find(({ labels }) => labels.operation_type === operation)?.value ?? 0
}
