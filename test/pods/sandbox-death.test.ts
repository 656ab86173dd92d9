import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { CriClient } from '../../src/kubelet/runtime/cri-client.ts'
import { buildPod, script } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'

const used = usePodMachine()

/** Kills the pause processes of all pods, as the kernel would for want of memory. */
async function killSandboxes(): Promise<void> {
  const { socket, endpoint } = used.machine.containerd
  const client = new CriClient(endpoint, () => undefined)
  for (const { id } of await client.listPodSandboxes({})) {
    execFileSync('ctr', ['-a', socket, '-n', 'k8s.io', 'tasks', 'kill', '-s', 'SIGKILL', id])
  }
  client.close()
}

test('a pod whose sandbox dies gets another one, and its init containers run anew', async () => {
  const { node } = used
  const pod = buildPod('phoenix', { initContainers: [script('init', 'exit 0')] })
  node.set(pod)
  const before = await node.running(pod)
  await killSandboxes()
  await node.waitFor(pod, ({ ready }) => !ready)
  const after = await node.running(pod)
  expect(after.containers[0]?.restartCount).toBe(1)
  expect(after.initContainers[0]?.restartCount).toBe(1)
  expect(after.initContainers[0]?.id).not.toBe(before.initContainers[0]?.id)
  expect(await node.output(pod, 'cat /etc/hosts')).toContain(`${after.podIPs[0]}\tphoenix`)
})
