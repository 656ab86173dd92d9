import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NamespaceMode, PodSandboxState } from '../../src/gen/runtime.ts'
import { CriClient } from '../../src/kubelet/runtime/cri-client.ts'
import { startTestContainerd, type TestContainerd } from '../support/containerd.ts'
import { eventually } from '../support/eventually.ts'
import { buildPod } from '../support/pod-builder.ts'
import { TestKubelet } from '../support/test-kubelet.ts'

let machine: TestContainerd
let runtime: CriClient
let standalone: TestKubelet
let node: TestKubelet | undefined

/** A sandbox that somebody else made, with these labels. */
const run = (name: string, labels: Record<string, string>, annotations: Record<string, string> = {}) =>
  runtime.runPodSandbox({
    metadata: { name, namespace: 'default', uid: `uid-${name}`, attempt: 0 },
    hostname: name,
    logDirectory: '',
    dnsConfig: undefined,
    portMappings: [],
    labels,
    annotations,
    linux: {
      cgroupParent: '',
      sysctls: {},
      securityContext: {
        namespaceOptions: {
          network: NamespaceMode.POD,
          pid: NamespaceMode.CONTAINER,
          ipc: NamespaceMode.POD,
        },
        privileged: false,
        supplementalGroups: [],
      },
    },
  })

/** As any kubelet labels a pod. */
const kubeletLabels = (name: string) => ({
  'io.kubernetes.pod.name': name,
  'io.kubernetes.pod.namespace': 'default',
  'io.kubernetes.pod.uid': `uid-${name}`,
})

beforeAll(async () => {
  machine = await startTestContainerd()
  runtime = new CriClient(machine.containerd.endpoint, () => undefined)
  standalone = await TestKubelet.open(machine, undefined, { stateDir: join(machine.stateDir, 'standalone') })
  standalone.kubelet.ready()
})

afterAll(async () => {
  await node?.kubelet.close()
  await standalone?.kubelet.removeAll(0)
  await standalone?.kubelet.close()
  runtime?.close()
  await machine?.remove()
})

test("a node's kubelet ends the pods that its node was rid of, and no other pod of the machine", async () => {
  const stateDir = join(machine.stateDir, 'node')
  const ofStandalone = buildPod('of-standalone')
  standalone.set(ofStandalone)
  await run('of-crictl', {})
  await run('of-another-root', kubeletLabels('of-another-root'))
  await run('static', kubeletLabels('static'), { 'kubernetes.io/config.source': 'file' })
  await run('left-behind', kubeletLabels('left-behind'))
  // What upstream's kubelet leaves on disk of its pods.
  for (const name of ['static', 'left-behind'])
    await mkdir(join(stateDir, 'pods', `uid-${name}`), { recursive: true })
  await standalone.running(ofStandalone)

  node = await TestKubelet.open(machine, undefined, { stateDir, pods: 'node' })
  node.kubelet.ready()
  const names = async () => {
    const ready = (await runtime.listPodSandboxes({})).filter(
      ({ state }) => state === PodSandboxState.SANDBOX_READY,
    )
    return ready.map(({ metadata }) => metadata?.name).sort()
  }
  await eventually(async () => ((await names()).includes('left-behind') ? undefined : true), 60_000)
  const concerned = node.news.map((news) => ('removed' in news ? news.removed : news.name))
  expect(new Set(concerned)).toEqual(new Set(['default/left-behind']))
  expect(await names()).toEqual(['of-another-root', 'of-crictl', 'of-standalone', 'static'])
})
