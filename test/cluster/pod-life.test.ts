import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGE } from '../support/containerd-images.ts'
import { isReady, PodNode } from './pod-node.ts'

let node: PodNode

beforeAll(async () => {
  node = await PodNode.start()
})
afterAll(async () => {
  await node?.dispose()
})

it("a pod's life is told in the kubelet's words, in few writes", async () => {
  const { metadata } = await node.create(
    'told',
    { dnsPolicy: 'Default' },
    { imagePullPolicy: 'IfNotPresent' },
  )
  await node.when('told', isReady)
  const events = await node.events(metadata.uid, /Started/)
  expect([...events].sort()).toEqual([
    'Normal Created spec.containers{main}: Container created',
    `Normal Pulled spec.containers{main}: Container image "${TEST_IMAGE}" already present on machine and can be accessed by the pod`,
    'Normal Started spec.containers{main}: Container started',
  ])
  const ofPod = () => node.writes.filter((write) => /\/pods\/told(\/|$)/.test(write))
  expect(ofPod().length).toBeLessThanOrEqual(3)
  const described = await node.kubectl('describe', 'pod', 'told')
  expect(described).toMatch(/Normal +Pulled +\S+ +kubelet +spec.containers\{main\}: Container image/)
  expect(described).toMatch(/Normal +Started +\S+ +kubelet +spec.containers\{main\}: Container started/)
  await node.delete('told')
  await node.gone('told')
  await node.events(metadata.uid, /^Normal Killing spec.containers\{main\}: Stopping container main$/)
  expect(ofPod().at(-1)).toMatch(/^DELETE/)
})

describe('a pod waits, and says for what:', () => {
  it('a ConfigMap that a variable names, and starts as soon as that is there', async () => {
    const from = { configMapKeyRef: { name: 'settings', key: 'tone' } }
    const { metadata } = await node.create('variable', {}, { env: [{ name: 'TONE', valueFrom: from }] })
    expect(await node.waits('variable', 'CreateContainerConfigError')).toBe('configmap "settings" not found')
    await node.events(
      metadata.uid,
      /^Warning Failed spec.containers\{main\}: Error: configmap "settings" not found$/,
    )
    await node.make('configmaps', 'settings', { data: { pitch: 'high' } })
    await node.when('variable', ({ status }) =>
      /couldn't find key tone in ConfigMap default\/settings/.test(
        status.containerStatuses?.[0]?.state.waiting?.message ?? '',
      ),
    )
    await node.cluster.admin.json({
      ...{ method: 'PATCH', path: '/api/v1/namespaces/default/configmaps/settings' },
      ...{ contentType: 'application/merge-patch+json', body: { data: { tone: 'kind' } } },
    })
    await node.when('variable', isReady)
  })

  it('a Secret that a volume shows, and starts as soon as that is there', async () => {
    const volumes = [{ name: 'keys', secret: { secretName: 'login' } }]
    const { metadata } = await node.create('volume', { volumes })
    await node.events(
      metadata.uid,
      /^Warning FailedMount: MountVolume.SetUp failed for volume "keys" : secret "login" not found$/,
    )
    expect(await node.waits('volume', 'ContainerCreating')).toBeUndefined()
    await node.make('secrets', 'login', { stringData: { password: 'x' } })
    await node.when('volume', isReady)
  })

  it('nothing, when what is missing is optional', async () => {
    await node.create(
      'optional',
      { volumes: [{ name: 'keys', secret: { secretName: 'none', optional: true } }] },
      { envFrom: [{ configMapRef: { name: 'none', optional: true } }] },
    )
    await node.when('optional', isReady)
  })

  it('an image that nobody may pull, and one whose name is none', async () => {
    const { metadata } = await node.create(
      'never',
      {},
      { image: 'localhost/none:1', imagePullPolicy: 'Never' },
    )
    const message = 'Container image "localhost/none:1" is not present with pull policy of Never'
    expect(await node.waits('never', 'ErrImageNeverPull')).toBe(message)
    await node.events(metadata.uid, /^Warning ErrImageNeverPull /, /Error: ErrImageNeverPull$/)
    await node.create(
      'unnamed',
      {},
      { image: 'Local host/NONE:1:2'.replace(' ', ''), imagePullPolicy: 'Always' },
    )
    expect(await node.waits('unnamed', 'InvalidImageName')).toMatch(/couldn't parse image name/)
  })

  it('an image that cannot be pulled', async () => {
    const { metadata } = await node.create('unpulled', {}, { image: '127.0.0.1:1/none:1' })
    await node.when('unpulled', ({ status }) =>
      /ErrImagePull|ImagePullBackOff/.test(status.containerStatuses?.[0]?.state.waiting?.reason ?? ''),
    )
    await node.events(
      metadata.uid,
      /^Normal Pulling .*: Pulling image "127.0.0.1:1\/none:1"$/,
      /^Warning Failed .*: Failed to pull image "127.0.0.1:1\/none:1": /,
      /^Warning Failed .*: Error: ErrImagePull$/,
    )
  })
})

it('a pod that does not fit has failed, with the reason, and stays so over a restart', async () => {
  const { metadata } = await node.create('large', {}, { resources: { requests: { cpu: '10k' } } })
  const { status } = await node.when('large', (pod) => pod.status.phase === 'Failed')
  expect(status.reason).toBe('OutOfcpu')
  expect(status.message).toMatch(
    /^Pod was rejected: Node didn't have enough resource: cpu, requested: 10000000, used: \d+, capacity: \d+$/,
  )
  await node.events(metadata.uid, /^Warning OutOfcpu: Node didn't have enough resource: cpu/)
  await node.create('elsewhere', { nodeSelector: { disk: 'none' } })
  expect((await node.when('elsewhere', (pod) => pod.status.phase === 'Failed')).status.reason).toBe(
    'NodeAffinity',
  )
  await node.end()
  await node.begin()
  await node.create('later')
  await node.when('later', isReady)
  expect((await node.read('large')).metadata.resourceVersion).toBe(
    (await node.when('large', (pod) => pod.status.phase === 'Failed')).metadata.resourceVersion,
  )
  await node.delete('large')
  await node.gone('large')
})

it('a pod is let in for a label that its node was given a moment ago', async () => {
  await node.cluster.admin.json({
    ...{ method: 'PATCH', path: `/api/v1/nodes/${node.name}`, contentType: 'application/merge-patch+json' },
    body: { metadata: { labels: { 'example.com/disk': 'ssd' } } },
  })
  await node.create('labelled', { nodeSelector: { 'example.com/disk': 'ssd' } })
  await node.when('labelled', isReady)
})

it('a pod whose time is up has failed', async () => {
  const { metadata } = await node.create('late', { activeDeadlineSeconds: 1 })
  const { status } = await node.when('late', (pod) => pod.status.phase === 'Failed')
  expect(status).toMatchObject({
    reason: 'DeadlineExceeded',
    message: 'Pod was active on the node longer than the specified deadline',
  })
  await node.events(metadata.uid, /^Normal DeadlineExceeded: /)
})

it('a pod whose probe fails is told not to be ready, and why', async () => {
  const readinessProbe = { exec: { command: ['false'] }, periodSeconds: 1 }
  const { metadata } = await node.create('unready', {}, { readinessProbe })
  await node.events(metadata.uid, /^Warning Unhealthy spec.containers\{main\}: Readiness probe failed: /)
  expect(isReady(await node.read('unready'))).toBe(false)
})

it('a pod that asks for what the node cannot do waits, and is told what it is', async () => {
  const { metadata } = await node.create('strange', { hostUsers: false })
  await node.events(metadata.uid, /^Warning UnsupportedField: spec.hostUsers/)
  expect(await node.waits('strange', 'UnsupportedField')).toMatch(/hostUsers/)
})
