import { describe, expect, test } from 'vitest'
import { formatPath } from '../../../src/sources/objects/object-path.ts'
import { parsePod } from '../../../src/sources/objects/pod.ts'
import { buildContainer, buildPod, mount } from '../../support/pod-builder.ts'

const written = (spec: object = {}, container: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', ...metadata },
  spec: { containers: [{ name: 'main', image: 'localhost/web:1', ...container }], ...spec },
})

const problemsOf = (object: unknown) =>
  parsePod(object).problems.map(({ severity, path, reason }) => `${severity} ${formatPath(path)} ${reason}`)

test('what is not written gets the defaults of the API server', () => {
  const container = buildContainer({ name: 'main', image: 'localhost/web:1', command: [] })
  expect(parsePod(written())).toEqual({
    problems: [],
    value: buildPod('web', { uid: '', terminationGracePeriodSeconds: 30, containers: [container] }),
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
  expect(value?.containers[0]?.volumeMounts).toEqual([mount('c', '/etc/c', { subPath: 'd', readOnly: true })])
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

test('a field with the value it has anyway is as good as not written', () => {
  expect(problemsOf(written({ hostPID: false }, { tty: false, stdin: false }))).toEqual([])
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
    [
      written({ hostPID: true, shareProcessNamespace: true }),
      'error spec.shareProcessNamespace cannot stand beside hostPID',
    ],
    [
      written({}, { securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
      'error spec.containers[0].securityContext.allowPrivilegeEscalation cannot be false where the container is ' +
        'privileged or adds CAP_SYS_ADMIN',
    ],
    [
      written({}, { securityContext: { seccompProfile: { type: 'Localhost' } } }),
      'error spec.containers[0].securityContext.seccompProfile must have a localhostProfile with type Localhost, and ' +
        'with no other',
    ],
    [
      written({ securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: '../x' } } }),
      'error spec.containers[0].securityContext.seccompProfile.localhostProfile must be a relative path without ..',
    ],
    [
      written(
        { volumes: [{ name: 'v' }] },
        { volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'a', subPathExpr: 'b' }] },
      ),
      'error spec.containers[0].volumeMounts[0].subPathExpr cannot stand beside a subPath',
    ],
    [
      written(
        { volumes: [{ name: 'v' }] },
        { volumeMounts: [{ name: 'v', mountPath: '/v', mountPropagation: 'Bidirectional' }] },
      ),
      'error spec.containers[0].volumeMounts[0].mountPropagation can be Bidirectional in a privileged container only',
    ],
    [
      written({}, { lifecycle: { preStop: { sleep: { seconds: 1 }, exec: { command: ['x'] } } } }),
      'error spec.containers[0].lifecycle.preStop must have exactly one of exec, httpGet and sleep',
    ],
  ])('%#', (object, problem) => {
    const errors = problemsOf(object).filter((line) => line.startsWith('error'))
    expect(errors).toEqual([problem])
    expect(parsePod(object).value).toBeUndefined()
  })
})

test('the network identity of a pod, and where it looks up others', () => {
  const spec = {
    hostname: 'db-0',
    subdomain: 'db',
    setHostnameAsFQDN: true,
    hostAliases: [{ ip: '192.0.2.7', hostnames: ['a', 'b'] }],
    dnsPolicy: 'None',
    dnsConfig: {
      nameservers: ['192.0.2.53'],
      searches: ['example.com', '_tcp.example.com', '.'],
      options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
    },
    enableServiceLinks: false,
  }
  const { value, problems } = parsePod(written(spec))
  expect(problems).toEqual([])
  expect(value).toMatchObject({
    hostname: 'db-0',
    subdomain: 'db',
    setHostnameAsFqdn: true,
    hostAliases: spec.hostAliases,
    dns: {
      policy: 'None',
      nameservers: ['192.0.2.53'],
      searches: ['example.com', '_tcp.example.com', '.'],
      options: [
        { name: 'ndots', value: '2' },
        { name: 'edns0', value: undefined },
      ],
    },
    enableServiceLinks: false,
  })
})

test("a container's security is its own where it says so, and its pod's elsewhere", () => {
  const spec = {
    securityContext: {
      runAsNonRoot: true,
      fsGroup: 2000,
      supplementalGroups: [3000],
      seccompProfile: { type: 'RuntimeDefault' },
      sysctls: [{ name: 'net/ipv4/ip_unprivileged_port_start', value: '0' }],
    },
    initContainers: [
      {
        name: 'init',
        image: 'i:1',
        securityContext: {
          runAsNonRoot: false,
          allowPrivilegeEscalation: false,
          seccompProfile: { type: 'Localhost', localhostProfile: 'profiles/init.json' },
          appArmorProfile: { type: 'Localhost', localhostProfile: 'confined' },
          procMount: 'Unmasked',
        },
      },
    ],
  }
  const { value, problems } = parsePod(written(spec))
  expect(problems).toEqual([])
  expect(value?.security).toEqual({
    runAsUser: undefined,
    runAsGroup: undefined,
    supplementalGroups: [3000],
    fsGroup: 2000,
    sysctls: new Map([['net.ipv4.ip_unprivileged_port_start', '0']]),
  })
  expect(value?.containers[0]?.security).toMatchObject({
    runAsNonRoot: true,
    allowPrivilegeEscalation: true,
    seccomp: { kind: 'runtimeDefault' },
    appArmor: undefined,
    unmaskedProc: false,
  })
  expect(value?.initContainers[0]?.security).toMatchObject({
    runAsNonRoot: false,
    allowPrivilegeEscalation: false,
    seccomp: { kind: 'localhost', profile: 'profiles/init.json' },
    appArmor: { kind: 'localhost', profile: 'confined' },
    unmaskedProc: true,
  })
})

test('ports of the node, streams, last words and mounts of a container', () => {
  const container = {
    ports: [{ containerPort: 80, hostPort: 8080, hostIP: '127.0.0.1' }],
    stdin: true,
    stdinOnce: true,
    tty: true,
    terminationMessagePath: '/tmp/end',
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: 'v', mountPath: '/v', subPathExpr: '$(POD_NAME)', mountPropagation: 'HostToContainer' },
    ],
  }
  const { value, problems } = parsePod(written({ volumes: [{ name: 'v' }] }, container))
  expect(problems).toEqual([])
  expect(value?.containers[0]).toMatchObject({
    ports: [{ name: '', port: 80, protocol: 'TCP', hostPort: 8080, hostIP: '127.0.0.1' }],
    terminal: { stdin: true, stdinOnce: true, tty: true },
    terminationMessage: { path: '/tmp/end', fallsBackToLogs: true },
    volumeMounts: [mount('v', '/v', { subPathExpr: '$(POD_NAME)', propagation: 'HostToContainer' })],
  })
})

test('what is done after a start and before an end', () => {
  const lifecycle = {
    postStart: { httpGet: { port: 80, path: 'warm' } },
    preStop: { sleep: { seconds: 5 } },
  }
  expect(parsePod(written({}, { lifecycle })).value?.containers[0]?.lifecycle).toEqual({
    postStart: { kind: 'httpGet', scheme: 'http', host: undefined, port: 80, path: '/warm', headers: [] },
    preStop: { kind: 'sleep', seconds: 5 },
  })
})
