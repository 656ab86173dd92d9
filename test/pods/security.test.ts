import { mkdir, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeImage } from '../../src/kubelet/images/build.ts'
import { importArchive } from '../../src/kubelet/images/import-archive.ts'
import { objectName } from '../../src/model/object-name.ts'
import type { PodStatus } from '../../src/model/pod-status.ts'
import { writtenPod } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'

const used = usePodMachine()

/** Lines of /proc/self/status, by name. */
const status = (names: string) =>
  `while IFS=: read -r n v; do case $n in ${names}) echo $n $v;; esac; done < /proc/self/status`

test('a container is confined as it and its pod say', async () => {
  const { node } = used
  const pod = writtenPod(
    'confined',
    {
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1001,
        runAsGroup: 1002,
        fsGroup: 2000,
        supplementalGroups: [3000],
        seccompProfile: { type: 'RuntimeDefault' },
        sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '42' }],
      },
    },
    { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } },
  )
  node.set(pod)
  await node.running(pod)
  expect(await node.output(pod, 'busybox id')).toBe('uid=1001 gid=1002 groups=1002,2000,3000')
  // 2: a filter is in force (proc_pid_status(5)).
  expect(await node.output(pod, status('NoNewPrivs|Seccomp|CapBnd'))).toBe(
    'CapBnd 0000000000000000\nNoNewPrivs 1\nSeccomp 2',
  )
  expect(await node.output(pod, 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start')).toBe('42')
})

test('without wishes no filter is in force, and what tells of the whole machine is hidden', async () => {
  const { node } = used
  const pod = writtenPod('plain')
  node.set(pod)
  await node.running(pod)
  expect(await node.output(pod, status('NoNewPrivs|Seccomp'))).toBe('NoNewPrivs 0\nSeccomp 0')
  expect(await node.output(pod, 'stat -c %t:%T /proc/keys; cat /proc/keys')).toBe('1:3')
  await expect(node.output(pod, 'echo 1 > /proc/sys/kernel/shmmni')).rejects.toThrow('Read-only file system')
})

test('a container that must not be root does not start as root, and says why', async () => {
  const { node } = used
  const pod = writtenPod('careful', { securityContext: { runAsNonRoot: true } })
  node.set(pod)
  const { message } = await node.waitFor(pod, ({ reason }) => reason === 'CreateContainerConfigError')
  expect(message).toBe(
    'container has runAsNonRoot and image will run as root (pod: "careful_default(uid-careful)", container: main)',
  )
})

test('a container that must not be root starts as the user that its image has by number', async () => {
  const { node, machine } = used
  const program = { kind: 'file', path: '/bin/sleep', mode: 0o755, source: '/bin/busybox' } as const
  const image = (user: string) => ({
    ...{ name: `localhost/hawser-test/user-${user}:1`, user, entries: [program], workingDir: '/' },
    ...{ entrypoint: ['/bin/sleep', '1000'], cmd: [], env: [], exposedPorts: [] },
  })
  const podOf = async (user: string) => {
    const made = image(user)
    const { file } = await writeImage(made, join(machine.stateDir, `${user}.tar`))
    await importArchive(machine.containerd.socket, file)
    return writtenPod(
      `user-${user}`,
      { securityContext: { runAsNonRoot: true } },
      { image: made.name, command: [] },
    )
  }
  const [numbered, named] = await Promise.all([podOf('1000'), podOf('web')])
  node.set(numbered, named)
  await node.running(numbered)
  const { message } = await node.waitFor(named, ({ reason }) => reason === 'CreateContainerConfigError')
  expect(message).toContain('image has non-numeric user (web), cannot verify user is non-root')
})

test('volumes belong to the group of the pod, and its user can read what it is shown', async () => {
  const { node } = used
  node.setConfigMap(objectName('default', 'settings'), { key: 'value' })
  const pod = writtenPod(
    'grouped',
    {
      securityContext: { runAsUser: 1001, fsGroup: 2000 },
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'memory', emptyDir: { medium: 'Memory' } },
        { name: 'settings', configMap: { name: 'settings', defaultMode: 0o400 } },
      ],
    },
    {
      env: [{ name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      volumeMounts: [
        { name: 'data', mountPath: '/data', subPathExpr: 'of/$(NAME)' },
        { name: 'memory', mountPath: '/memory' },
        { name: 'settings', mountPath: '/settings' },
      ],
    },
  )
  node.set(pod)
  await node.running(pod)
  const made = 'for d in /data /memory; do echo x > $d/f; stat -c %u:%g $d/f; done'
  expect(await node.output(pod, made)).toBe('1001:2000\n1001:2000')
  expect(await node.output(pod, 'cat /settings/key; echo; stat -Lc %a:%g /settings/key')).toBe(
    'value\n440:2000',
  )
})

test('namespaces are shared as far as the pod says', async () => {
  const { node } = used
  const second = { name: 'second', image: 'localhost/hawser-test/busybox:1', command: ['sleep', '1000'] }
  const main = { ...second, name: 'main' }
  const pods = [
    writtenPod('together', { shareProcessNamespace: true, containers: [main, second] }),
    writtenPod('of-the-node', { hostPID: true, hostIPC: true, hostNetwork: true }),
  ]
  node.set(...pods)
  const [together, ofNode] = pods
  if (together === undefined || ofNode === undefined) throw new Error('no pods')
  await Promise.all(pods.map((pod) => node.running(pod)))
  const namespace = (kind: string, container = 'main') =>
    node.output(together, `busybox readlink /proc/self/ns/${kind}`, container)
  expect(await namespace('pid')).toBe(await namespace('pid', 'second'))
  for (const kind of ['pid', 'ipc'])
    expect(await node.output(ofNode, `busybox readlink /proc/self/ns/${kind}`)).toBe(
      await readlink(`/proc/self/ns/${kind}`),
    )
  expect(await node.output(ofNode, 'cat /etc/hosts')).toMatch(
    '# Kubernetes-managed hosts file (host network).',
  )
})

test('a failed container has its last words where it says, or at the end of its log', async () => {
  const { node } = used
  const last = (name: string, command: string, container: object) =>
    writtenPod(name, { restartPolicy: 'Never' }, { command: ['sh', '-c', command], ...container })
  const pods = [
    last('writes', 'echo -n written > /tmp/end; exit 1', { terminationMessagePath: '/tmp/end' }),
    last('logs', 'echo one; echo two; exit 1', { terminationMessagePolicy: 'FallbackToLogsOnError' }),
    last('succeeds', 'echo fine', { terminationMessagePolicy: 'FallbackToLogsOnError' }),
  ]
  node.set(...pods)
  const messages = pods.map(async (pod) => {
    // The address goes back when all that there is to say is known.
    const isOver = ({ phase, podIPs }: PodStatus) => phase !== 'Pending' && podIPs.length === 0
    const { containers } = await node.waitFor(pod, isOver)
    const state = containers[0]?.state
    return state?.kind === 'terminated' ? state.message : state
  })
  expect(await Promise.all(messages)).toEqual(['written', 'one\ntwo\n', ''])
})

test('a profile of the node says what a container with a terminal may not do', async () => {
  const { node, machine } = used
  await mkdir(join(machine.stateDir, 'seccomp'))
  const rule = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }
  const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }
  await writeFile(join(machine.stateDir, 'seccomp/no-folders.json'), JSON.stringify(profile))
  const seccompProfile = { type: 'Localhost', localhostProfile: 'no-folders.json' }
  const pod = writtenPod('profiled', { securityContext: { seccompProfile } }, { stdin: true, tty: true })
  node.set(pod)
  await node.running(pod)
  expect(await node.output(pod, 'busybox readlink /proc/1/fd/0')).toMatch('/dev/pts/')
  await expect(node.output(pod, 'mkdir /tmp/x')).rejects.toThrow('Operation not permitted')
})

test('a pod that asks for what the node cannot do waits, and says for what', async () => {
  const { node } = used
  const pod = writtenPod('demanding', { runtimeClassName: 'gvisor' })
  node.set(pod)
  const { message, phase } = await node.waitFor(pod, ({ reason }) => reason === 'UnsupportedField')
  expect(phase).toBe('Pending')
  expect(message).toMatch('spec.runtimeClassName asks for a runtime handler')
})
