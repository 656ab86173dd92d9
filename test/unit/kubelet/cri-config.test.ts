import { describe, expect, test } from 'vitest'
import { NamespaceMode, Protocol, SecurityProfile_ProfileType } from '../../../src/gen/runtime.ts'
import { containerConfig, sandboxConfig } from '../../../src/kubelet/pods/cri-config.ts'
import type { Container, Pod } from '../../../src/model/pod.ts'
import type { ContainerSecurity } from '../../../src/model/pod-security.ts'
import { ip } from '../../support/addresses.ts'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'

const context = {
  scope: { kind: 'node' },
  cgroupRoot: '/kubepods',
  nodeMemoryBytes: 2 ** 30,
  clusterDomain: 'cluster.local',
  seccompDir: '/state/seccomp',
} as const
const dns = { servers: ['10.96.0.10'], searches: [], options: [] }

const sandboxOf = (changes: Partial<Omit<Pod, 'name'>>) =>
  sandboxConfig(buildPod('web', changes), { attempt: 0, logs: '/logs', dns }, context)

function securityOf(changes: Partial<ContainerSecurity>, pod: Partial<Omit<Pod, 'name'>> = {}) {
  const container = buildContainer({ name: 'main' })
  const secured = { ...container, security: { ...container.security, ...changes } }
  return configOf(secured, pod).linux?.securityContext
}

const configOf = (container: Container, pod: Partial<Omit<Pod, 'name'>> = {}) =>
  containerConfig(
    buildPod('web', pod),
    container,
    { attempt: 0, restartDelayMs: 0, imageId: 'sha256:1', environment: new Map(), mounts: [] },
    context,
  )

describe('a pod without wishes', () => {
  test('shares its network and its memory among its containers, not its processes, and nothing with the node', () => {
    expect(sandboxOf({}).linux?.securityContext?.namespaceOptions).toEqual({
      network: NamespaceMode.POD,
      pid: NamespaceMode.CONTAINER,
      ipc: NamespaceMode.POD,
    })
  })

  test('has containers that see nothing of the whole machine, and may make any system call', () => {
    const security = securityOf({})
    expect(security?.maskedPaths).toContain('/proc/kcore')
    expect(security?.readonlyPaths).toContain('/proc/sys')
    expect(security?.noNewPrivs).toBe(false)
    expect(security?.seccomp?.profileType).toBe(SecurityProfile_ProfileType.Unconfined)
    expect(security?.apparmor).toBeUndefined()
  })
})

test.each([
  [{ hostPID: true }, 'pid', NamespaceMode.NODE],
  [{ hostIPC: true }, 'ipc', NamespaceMode.NODE],
  [{ hostNetwork: true }, 'network', NamespaceMode.NODE],
  [{ shareProcessNamespace: true }, 'pid', NamespaceMode.POD],
] as const)('%o is a namespace of the sandbox and of its containers', (changes, namespace, mode) => {
  expect(sandboxOf(changes).linux?.securityContext?.namespaceOptions?.[namespace]).toBe(mode)
  expect(securityOf({}, changes)?.namespaceOptions?.[namespace]).toBe(mode)
})

test('the group of volumes is one of every process, beside those that are named', () => {
  const security = { ...buildPod('web').security, fsGroup: 2000, supplementalGroups: [3000] }
  expect(securityOf({}, { security })?.supplementalGroups).toEqual([2000n, 3000n])
  expect(sandboxOf({ security }).linux?.securityContext?.supplementalGroups).toEqual([2000n, 3000n])
})

test('sysctls, and the full host name, are the sandbox’s', () => {
  const security = { ...buildPod('web').security, sysctls: new Map([['net.ipv4.tcp_syncookies', '0']]) }
  const config = sandboxOf({ security, subdomain: 'db', setHostnameAsFqdn: true })
  expect(config.linux?.sysctls).toEqual({ 'net.ipv4.tcp_syncookies': '0' })
  expect(config.hostname).toBe('web.db.default.svc.cluster.local')
  expect(config.dnsConfig).toEqual(dns)
})

test('ports of the node are mapped, but for a pod in its network', () => {
  const port = { name: '', port: 53, protocol: 'UDP', hostPort: 5353, hostIP: ip('192.0.2.1') } as const
  const others = { name: '', port: 80, protocol: 'TCP', hostPort: 0, hostIP: undefined } as const
  const containers = [buildContainer({ name: 'main', ports: [port, others, { ...others, hostPort: 80 }] })]
  expect(sandboxOf({ containers }).portMappings).toEqual([
    { protocol: Protocol.UDP, containerPort: 53, hostPort: 5353, hostIp: '192.0.2.1' },
    { protocol: Protocol.TCP, containerPort: 80, hostPort: 80, hostIp: '' },
  ])
  expect(sandboxOf({ containers, hostNetwork: true }).portMappings).toEqual([])
})

test.each([
  [{ allowPrivilegeEscalation: false }, { noNewPrivs: true }],
  [{ unmaskedProc: true }, { maskedPaths: [], readonlyPaths: [] }],
  [
    { seccomp: { kind: 'runtimeDefault' } },
    { seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault, localhostRef: '' } },
  ],
  [
    { seccomp: { kind: 'localhost', profile: 'audit.json' } },
    {
      seccomp: {
        profileType: SecurityProfile_ProfileType.Localhost,
        localhostRef: '/state/seccomp/audit.json',
      },
    },
  ],
  [
    { appArmor: { kind: 'localhost', profile: 'confined' } },
    { apparmor: { profileType: SecurityProfile_ProfileType.Localhost, localhostRef: 'confined' } },
  ],
  [
    { appArmor: { kind: 'unconfined' } },
    { apparmor: { profileType: SecurityProfile_ProfileType.Unconfined, localhostRef: '' } },
  ],
] as const)('%o becomes %o', (changes, expected) => {
  expect(securityOf(changes)).toMatchObject(expected)
})

test('a terminal is one of the container', () => {
  const terminal = { stdin: true, stdinOnce: true, tty: true }
  expect(configOf(buildContainer({ name: 'main', terminal }))).toMatchObject(terminal)
})
