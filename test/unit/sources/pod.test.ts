import { describe, expect, test } from 'vitest'
import { NO_PROBES } from '../../../src/model/probe.ts'
import { formatPath } from '../../../src/sources/objects/object-path.ts'
import { parsePod } from '../../../src/sources/objects/pod.ts'

const written = (spec: object = {}, container: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', ...metadata },
  spec: { containers: [{ name: 'main', image: 'localhost/web:1', ...container }], ...spec },
})

const problemsOf = (object: unknown) =>
  parsePod(object).problems.map(({ severity, path, reason }) => `${severity} ${formatPath(path)} ${reason}`)

test('what is not written gets the defaults of the API server', () => {
  expect(parsePod(written())).toEqual({
    problems: [],
    value: {
      name: 'default/web',
      uid: '',
      generation: 0,
      deletion: undefined,
      serviceAccount: 'default',
      labels: new Map(),
      annotations: new Map(),
      hostNetwork: false,
      hostname: 'web',
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      initContainers: [],
      volumes: [],
      containers: [
        {
          name: 'main',
          image: 'localhost/web:1',
          imagePullPolicy: 'IfNotPresent',
          command: [],
          args: [],
          workingDir: '',
          env: [],
          envFrom: [],
          ports: [],
          volumeMounts: [],
          requests: { cpuMilli: undefined, memoryBytes: undefined },
          limits: { cpuMilli: undefined, memoryBytes: undefined },
          probes: NO_PROBES,
          security: {
            runAsUser: undefined,
            runAsGroup: undefined,
            privileged: false,
            readOnlyRootFilesystem: false,
            addCapabilities: [],
            dropCapabilities: [],
          },
        },
      ],
    },
  })
})

test.each([
  ['web', 'Always'],
  ['web:latest', 'Always'],
  ['localhost:5000/web', 'Always'],
  ['localhost:5000/web:1', 'IfNotPresent'],
  ['web@sha256:abc', 'IfNotPresent'],
])('the pull policy of %s is %s', (image, policy) => {
  expect(parsePod(written({}, { image })).value?.containers[0]?.imagePullPolicy).toBe(policy)
})

test('environment variables come from values, ConfigMaps, Secrets, fields and resources', () => {
  const env = [
    { name: 'A', value: 'x' },
    { name: 'EMPTY' },
    { name: 'B', valueFrom: { configMapKeyRef: { name: 'cm', key: 'k', optional: true } } },
    { name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
    { name: 'R', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
    { name: 'C', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    { name: 'D', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
  ]
  const envFrom = [{ prefix: 'P_', configMapRef: { name: 'cm' } }, { secretRef: { name: 's' } }]
  const { value, problems } = parsePod(written({}, { env, envFrom }))
  expect(problems).toEqual([])
  expect(value?.containers[0]).toMatchObject({
    env: [
      { name: 'A', value: { kind: 'literal', value: 'x' } },
      { name: 'EMPTY', value: { kind: 'literal', value: '' } },
      {
        name: 'B',
        value: { kind: 'configKey', from: { kind: 'ConfigMap', name: 'cm', optional: true }, key: 'k' },
      },
      {
        name: 'S',
        value: { kind: 'configKey', from: { kind: 'Secret', name: 's', optional: false }, key: 'k' },
      },
      {
        name: 'R',
        value: { kind: 'resource', container: undefined, resource: 'limits.cpu', divisor: 0.001 },
      },
      { name: 'C', value: { kind: 'field', path: 'status.podIP' } },
      { name: 'D', value: { kind: 'field', path: "metadata.labels['app']" } },
    ],
    envFrom: [
      { from: { kind: 'ConfigMap', name: 'cm', optional: false }, prefix: 'P_' },
      { from: { kind: 'Secret', name: 's', optional: false }, prefix: '' },
    ],
  })
})

test('volumes of all supported types, and their mounts', () => {
  const volumes = [
    { name: 'a', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } },
    { name: 'b', hostPath: { path: '/srv/data', type: 'Directory' } },
    { name: 'c', configMap: { name: 'cm', defaultMode: 0o400, items: [{ key: 'k', path: 'd/f' }] } },
    { name: 'd' },
    { name: 'e', secret: { secretName: 's', optional: true } },
    {
      name: 'f',
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
          { configMap: { name: 'ca' } },
          { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
        ],
      },
    },
  ]
  const volumeMounts = [{ name: 'c', mountPath: '/etc/c', subPath: 'd', readOnly: true }]
  const { value, problems } = parsePod(written({ volumes }, { volumeMounts }))
  expect(problems).toEqual([])
  expect(value?.volumes).toEqual([
    { name: 'a', source: { kind: 'emptyDir', medium: 'memory', sizeBytes: 64 * 2 ** 20 } },
    { name: 'b', source: { kind: 'hostPath', path: '/srv/data', type: 'Directory' } },
    {
      name: 'c',
      source: {
        kind: 'files',
        plugin: 'configmap',
        medium: 'disk',
        mode: 0o400,
        parts: [
          {
            kind: 'config',
            from: { kind: 'ConfigMap', name: 'cm', optional: false },
            items: [{ key: 'k', path: 'd/f', mode: undefined }],
          },
        ],
      },
    },
    { name: 'd', source: { kind: 'emptyDir', medium: 'disk', sizeBytes: undefined } },
    {
      name: 'e',
      source: {
        kind: 'files',
        plugin: 'secret',
        medium: 'memory',
        mode: 0o644,
        parts: [{ kind: 'config', from: { kind: 'Secret', name: 's', optional: true }, items: [] }],
      },
    },
    {
      name: 'f',
      source: {
        kind: 'files',
        plugin: 'projected',
        medium: 'memory',
        mode: 0o644,
        parts: [
          { kind: 'token', audience: undefined, expirationSeconds: 3607, path: 'token' },
          { kind: 'config', from: { kind: 'ConfigMap', name: 'ca', optional: false }, items: [] },
          { kind: 'field', field: 'metadata.namespace', path: 'namespace', mode: undefined },
        ],
      },
    },
  ])
  expect(value?.containers[0]?.volumeMounts).toEqual([
    { volume: 'c', mountPath: '/etc/c', subPath: 'd', readOnly: true },
  ])
})

test('a request that is not written is its limit', () => {
  const resources = { requests: { memory: '100M' }, limits: { cpu: 0.1, memory: '128Mi' } }
  expect(parsePod(written({}, { resources })).value?.containers[0]).toMatchObject({
    requests: { cpuMilli: 100, memoryBytes: 100_000_000 },
    limits: { cpuMilli: 100, memoryBytes: 134_217_728 },
  })
})

test("a container takes over the pod's user unless it has its own", () => {
  const spec = {
    securityContext: { runAsUser: 1000, runAsGroup: 2000 },
    initContainers: [{ name: 'init', image: 'i:1', securityContext: { runAsUser: 0 } }],
  }
  const { value } = parsePod(written(spec))
  expect(value?.containers[0]?.security).toMatchObject({ runAsUser: 1000, runAsGroup: 2000 })
  expect(value?.initContainers[0]?.security).toMatchObject({ runAsUser: 0, runAsGroup: 2000 })
})

test('a pod that the API server has marked for deletion is to end', () => {
  const metadata = { generation: 3, deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 7 }
  expect(parsePod(written({ serviceAccountName: 'robot' }, {}, metadata)).value).toMatchObject({
    generation: 3,
    deletion: { graceSeconds: 7 },
    serviceAccount: 'robot',
  })
})

test('a long name is cut to a host name', () => {
  const name = `${'a'.repeat(62)}.b`
  expect(parsePod(written({}, {}, { name })).value?.hostname).toBe('a'.repeat(62))
})

test("the scheduler's fields and the API server's bookkeeping are nobody's problem", () => {
  const spec = {
    nodeName: 'n',
    tolerations: [{ operator: 'Exists' }],
    dnsPolicy: 'ClusterFirst',
    priority: 5,
  }
  const metadata = { uid: 'u-1', resourceVersion: '7', ownerReferences: [{ kind: 'ReplicaSet' }] }
  expect(parsePod({ ...written(spec, {}, metadata), status: { phase: 'Running' } })).toMatchObject({
    problems: [],
    value: { uid: 'u-1' },
  })
})

describe('a field that the node does not support is named, and the pod runs without it:', () => {
  test.each([
    [written({}, { lifecycle: { preStop: { sleep: { seconds: 1 } } } }), 'spec.containers[0].lifecycle'],
    [written({}, { ports: [{ containerPort: 80, hostPort: 80 }] }), 'spec.containers[0].ports[0].hostPort'],
    [
      written({}, { securityContext: { runAsNonRoot: true } }),
      'spec.containers[0].securityContext.runAsNonRoot',
    ],
    [written({ securityContext: { fsGroup: 1 } }), 'spec.securityContext.fsGroup'],
    [written({ hostPID: true }), 'spec.hostPID'],
    [written({ runtimeClassName: 'gvisor' }), 'spec.runtimeClassName'],
    [written({ ephemeralContainers: [{ name: 'x' }] }), 'spec.ephemeralContainers'],
  ])('%#', (object, path) => {
    expect(problemsOf(object)).toEqual([`warning ${path} is not supported by this node and ignored`])
    expect(parsePod(object).value).toBeDefined()
  })
})

test('a field with the value it has anyway is as good as not written', () => {
  expect(problemsOf(written({ hostPID: false }, { tty: false, stdin: false }))).toEqual([])
})

describe('is refused where going on without the field would be wrong:', () => {
  test.each([
    [
      written({ volumes: [{ name: 's', nfs: { server: 's', path: '/' } }] }),
      'error spec.volumes[0].nfs is a volume type that this node does not support',
    ],
    [
      written({}, { env: [{ name: 'A', valueFrom: { fileKeyRef: { path: 'p' } } }] }),
      'error spec.containers[0].env[0].valueFrom.fileKeyRef is not supported by this node',
    ],
    [
      written({ initContainers: [{ name: 's', image: 'i:1', restartPolicy: 'Always' }] }),
      'error spec.initContainers[0].restartPolicy makes a sidecar, which this node does not support',
    ],
  ])('%#', (object, problem) => {
    expect(problemsOf(object)).toEqual([problem])
    expect(parsePod(object).value).toBeUndefined()
  })
})

describe('is refused with the field and the reason:', () => {
  test.each([
    [written({ containers: [] }), 'error spec.containers must have at least one container'],
    [written({}, { image: undefined }), 'error spec.containers[0].image is required'],
    [written({}, { command: 'sleep 1' }), 'error spec.containers[0].command must be a list, not "sleep 1"'],
    [
      written({}, { env: [{ name: 'A', value: 1 }] }),
      'error spec.containers[0].env[0].value must be text, not 1',
    ],
    [
      written({}, { volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      'error spec.containers[0].volumeMounts[0].name names no volume of the pod: v',
    ],
    [
      written({ initContainers: [{ name: 'main', image: 'i:1' }] }),
      'error spec.containers[0].name repeats the name main',
    ],
    [
      written({}, { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }),
      'error spec.containers[0].resources.requests.cpu is more than the limit',
    ],
    [
      written({}, { resources: { limits: { memory: '1 GB' } } }),
      'error spec.containers[0].resources.limits.memory must be a quantity such as 250m or 64Mi, not "1 GB"',
    ],
    [
      written({ volumes: [{ name: 'h', hostPath: { path: '/a/../b' } }] }),
      'error spec.volumes[0].hostPath.path must be an absolute path without .., not "/a/../b"',
    ],
    [written({ volumes: [{ name: 'v' }, { name: 'v' }] }), 'error spec.volumes[1].name repeats the name v'],
  ])('%#', (object, problem) => {
    expect(problemsOf(object)).toEqual([problem])
    expect(parsePod(object).value).toBeUndefined()
  })
})
