import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cgroupRoots } from '../../src/kubelet/host/cgroups.ts'
import { ownCgroup, ownerOf } from '../../src/kubelet/owner.ts'
import { startTestContainerd, type TestContainerd } from '../support/containerd.ts'
import { eventually } from '../support/eventually.ts'
import { buildContainer, buildPod, mount, script } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'
import { TestKubelet } from '../support/test-kubelet.ts'

/** Everything on this machine that speaks of a test's state folder or lies in its network namespace. */
async function tracesOf(machine: TestContainerd) {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  const links: { ifname: string }[] = JSON.parse(
    execFileSync('ip', ['-n', machine.netns, '-json', 'link'], { encoding: 'utf8' }),
  )
  const ownPath = ownCgroup(ownerOf(await realpath(machine.stateDir)))
  const cgroups = (await cgroupRoots()).filter((root) => existsSync(join(root, ownPath)))
  return {
    mounts: mounts.filter((line) => line.includes(machine.stateDir)).length,
    processes: commands.filter((command) => command.includes(machine.stateDir)).length,
    links: links.map(({ ifname }) => ifname).filter((name) => name.startsWith('veth')),
    cgroups: cgroups.length,
  }
}

const forwarding = (machine: TestContainerd) =>
  execFileSync('nsenter', [`--net=${machine.netnsPath}`, 'cat', '/proc/sys/net/ipv4/ip_forward'], {
    encoding: 'utf8',
  }).trim()

test('teardown leaves no process, mount, cgroup or link, and the sysctl as it was', async () => {
  const machine = await startTestContainerd()
  const node = await TestKubelet.open(machine)
  const memory = { kind: 'emptyDir', medium: 'memory', sizeBytes: 1 << 20 } as const
  const pods = ['one', 'two'].map((name) =>
    buildPod(name, {
      volumes: [{ name: 'scratch', source: memory }],
      containers: [
        buildContainer({
          name: 'main',
          volumeMounts: [mount('scratch', '/scratch')],
        }),
      ],
    }),
  )
  try {
    node.kubelet.ready()
    node.set(...pods)
    await Promise.all(pods.map((pod) => node.running(pod)))
    // What is to go must have been there, or the rest of this test says nothing.
    const during = await tracesOf(machine)
    expect(during.mounts).toBeGreaterThan(0)
    expect(during.processes).toBeGreaterThan(2)
    expect(during.links).toHaveLength(2)
    expect(during.cgroups).toBeGreaterThan(0)
    expect(forwarding(machine)).toBe('1')

    await node.kubelet.removeAll(5)
    await node.kubelet.close()
    await machine.containerd.stop()
    expect(await tracesOf(machine)).toEqual({ mounts: 0, processes: 0, links: [], cgroups: 0 })
    expect(forwarding(machine)).toBe('0')
    expect(existsSync(join(machine.stateDir, 'pods', 'uid-one'))).toBe(false)
    expect(await readdir(join(machine.stateDir, 'logs'))).toEqual([])
  } finally {
    await machine.remove()
  }
})

test('containerd stopped with pods still in it takes them along', async () => {
  const machine = await startTestContainerd()
  const node = await TestKubelet.open(machine)
  const pod = buildPod('left-behind')
  try {
    node.set(pod)
    await node.running(pod)
    await node.kubelet.close()
    await machine.containerd.stop()
    const { processes, links } = await tracesOf(machine)
    expect({ processes, links }).toEqual({ processes: 0, links: [] })
  } finally {
    const next = await TestKubelet.open({ ...machine, containerd: await machine.again() })
    await next.kubelet.removeAll(1)
    await next.kubelet.close()
    await machine.remove()
  }
})

const used = usePodMachine()

test('a pod gets its grace period to end by itself', async () => {
  const { node } = used
  const pod = buildPod('graceful', {
    terminationGracePeriodSeconds: 20,
    volumes: [{ name: 'out', source: { kind: 'hostPath', path: used.machine.stateDir, type: 'Directory' } }],
    containers: [
      script(
        'main',
        'trap "echo bye > /out/farewell; exit 0" TERM; touch /out/armed; while :; do sleep 1000 & wait; done',
        {
          volumeMounts: [mount('out', '/out')],
        },
      ),
    ],
  })
  node.set(pod)
  await node.running(pod)
  // A shell that has not come to its trap yet has no say in its end.
  await eventually(async () => stat(join(used.machine.stateDir, 'armed')))
  node.unset(pod)
  expect(node.status(pod)).toMatchObject({ terminating: true, ready: false, reason: 'Terminating' })
  await node.gone(pod)
  expect(await readFile(join(used.machine.stateDir, 'farewell'), 'utf8')).toBe('bye\n')
})

test('a pod that is deleted while it waits for its image is gone at once', async () => {
  const { node } = used
  const pod = buildPod('hopeless', {
    containers: [buildContainer({ name: 'main', image: 'localhost:1/never:1' })],
  })
  node.set(pod)
  await node.waitFor(pod, ({ reason }) => reason === 'ErrImagePull')
  node.unset(pod)
  await node.gone(pod, 5_000)
})
