import { mkdirSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGE } from '../support/containerd-images.ts'
import { eventually } from '../support/eventually.ts'
import { isReady, PodNode, type PodObject, SLEEP } from './pod-node.ts'

let node: PodNode
let manifests: string

beforeAll(async () => {
  node = await PodNode.start((folder) => {
    manifests = join(folder, 'manifests')
    mkdirSync(manifests)
    return manifests
  })
})
afterAll(async () => {
  await node?.dispose()
})

/** Each phase that the pod is told to be in, once, until it is gone. */
async function watchPhases(name: string): Promise<readonly string[]> {
  const { metadata, status } = await node.read(name)
  const phases = [status.phase]
  const response = await node.cluster.admin.stream({
    path: '/api/v1/namespaces/default/pods',
    query: {
      watch: true,
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: metadata.resourceVersion,
      timeoutSeconds: 30,
    },
  })
  for await (const line of createInterface({ input: response })) {
    const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: PodObject }
    if (type === 'DELETED') break
    if (phases.at(-1) !== object.status.phase) phases.push(object.status.phase)
  }
  response.destroy()
  return phases
}

it('a pod that is bound to the node runs, is told, and ends with its deletion', async () => {
  await node.create('web')
  const { status } = await node.when('web', isReady)
  expect(status).toMatchObject({ phase: 'Running', hostIP: '192.0.2.1', qosClass: 'BestEffort' })
  expect(status.podIP).toMatch(/^10\.133\.0\./)
  expect(status.containerStatuses?.[0]).toMatchObject({ ready: true, started: true, restartCount: 0 })
  const phases = watchPhases('web')
  await node.delete('web')
  await node.gone('web')
  expect(await phases).toEqual(['Running', 'Succeeded'])
})

it('a pod waits for its Secret with the reason told, and starts as soon as that is there', async () => {
  const from = { secretKeyRef: { name: 'login', key: 'password' } }
  await node.create('reader', {}, { env: [{ name: 'PASSWORD', valueFrom: from }] })
  expect(await node.waits('reader', 'CreateContainerConfigError')).toBe('secret "login" not found')
  await node.make('secrets', 'login', { stringData: { password: 'open sesame' } })
  await node.when('reader', isReady)
  expect(await node.output('reader', 'sh', '-c', 'echo $PASSWORD')).toBe('open sesame\n')
})

it('a container gets a token of its service account, bound to the pod', async () => {
  const { metadata } = await node.create('robot', { automountServiceAccountToken: true })
  await node.make('configmaps', 'kube-root-ca.crt', { data: { 'ca.crt': 'x' } })
  await node.when('robot', isReady)
  const token = await node.output('robot', 'cat', '/var/run/secrets/kubernetes.io/serviceaccount/token')
  const review = (await node.cluster.admin.json({
    ...{ method: 'POST', path: '/apis/authentication.k8s.io/v1/tokenreviews' },
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } },
  })) as { readonly status: object }
  expect(review.status).toMatchObject({
    authenticated: true,
    user: {
      username: 'system:serviceaccount:default:robot',
      extra: { 'authentication.kubernetes.io/pod-uid': [metadata.uid] },
    },
  })
})

it('a restart of the process restarts nothing, and what happened meanwhile is caught up with', async () => {
  await node.create('stays')
  await node.create('leaves')
  const [before] = [await node.when('stays', isReady), await node.when('leaves', isReady)]
  await node.end()
  await node.delete('leaves')
  await node.create('comes')
  await node.begin()
  await node.gone('leaves')
  await node.when('comes', isReady)
  const after = await node.when('stays', isReady)
  expect(after.status.containerStatuses).toEqual(before.status.containerStatuses)
})

it('a pod that was made unready while its node was given up is well again', async () => {
  await node.create('given-up')
  await node.when('given-up', isReady)
  // As the node controller does.
  const unready = { type: 'Ready', status: 'False', lastTransitionTime: new Date().toISOString() }
  await node.cluster.admin.json({
    ...{ method: 'PATCH', path: '/api/v1/namespaces/default/pods/given-up/status' },
    contentType: 'application/strategic-merge-patch+json',
    body: { status: { conditions: [unready] } },
  })
  const { status } = await node.when('given-up', isReady)
  expect(status.containerStatuses?.[0]?.restartCount).toBe(0)
})

it('a pod that ran to its end is told to have succeeded', async () => {
  await node.create('job', { restartPolicy: 'Never' }, { command: ['sh', '-c', 'exit 0'] })
  const { status } = await node.when('job', (pod) => pod.status.phase === 'Succeeded')
  expect(status.containerStatuses?.[0]?.state.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' })
})

describe('a static pod', () => {
  const MIRROR = 'own-worker'
  const manifest = (command: readonly string[]): string =>
    JSON.stringify({
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'own' } },
      spec: {
        ...{ terminationGracePeriodSeconds: 1, restartPolicy: 'Always' },
        containers: [{ name: 'main', image: TEST_IMAGE, command }],
      },
    })
  /** As deployment tools write: never half a file. */
  async function save(text: string): Promise<void> {
    const draft = join(manifests, '.own')
    await writeFile(draft, text)
    await rename(draft, join(manifests, 'own.yaml'))
  }
  const another = (before: PodObject, isDone: (pod: PodObject) => boolean = isReady): Promise<PodObject> =>
    eventually(async () => {
      const pod = await node.read(MIRROR)
      if (pod.metadata.uid === before.metadata.uid || !isDone(pod))
        throw new Error(`it is still ${JSON.stringify(pod)}`)
      return pod
    }, 60_000)
  const containerOf = ({ status }: PodObject) => status.containerStatuses?.[0]?.containerID

  it('runs while the API server is away, and is shown once that is back', async () => {
    await node.end()
    await node.cluster.stopApiServer()
    const beginning = node.begin()
    await save(manifest(SLEEP))
    await eventually(async () => {
      const { containers } = await node.running('own-worker')
      if (containers !== 1) throw new Error('it does not run')
      return true
    }, 60_000)
    await node.cluster.startApiServer()
    await beginning
    const mirror = await node.when(MIRROR, isReady)
    expect(mirror.metadata.ownerReferences).toMatchObject([
      { kind: 'Node', name: node.name, controller: true },
    ])
    const { annotations } = mirror.metadata
    expect(annotations?.['kubernetes.io/config.source']).toBe('file')
    expect(annotations?.['kubernetes.io/config.seen']).toMatch(/^\d{4}-/)
    expect(annotations?.['kubernetes.io/config.mirror']).toBe(annotations?.['kubernetes.io/config.hash'])
  })

  it('goes on when its mirror is deleted, which comes back', async () => {
    const before = await node.when(MIRROR, isReady)
    await node.delete(MIRROR)
    const after = await another(before)
    expect(containerOf(after)).toBe(containerOf(before))
  })

  it('is found again after a restart of the process', async () => {
    const before = await node.when(MIRROR, isReady)
    await node.end()
    await node.begin()
    const after = await node.when(MIRROR, isReady)
    expect([after.metadata.uid, containerOf(after)]).toEqual([before.metadata.uid, containerOf(before)])
  })

  it('is replaced when its file changes', async () => {
    const before = await node.when(MIRROR, isReady)
    await save(manifest([...SLEEP, 'changed']))
    const after = await another(before)
    expect(containerOf(after)).not.toBe(containerOf(before))
  })

  it('goes with its file, and its mirror with it', async () => {
    await rm(join(manifests, 'own.yaml'))
    await node.gone(MIRROR)
    await eventually(async () => {
      const { sandboxes } = await node.running('own-worker')
      if (sandboxes > 0) throw new Error('it still runs')
      return true
    }, 60_000)
  })
})
