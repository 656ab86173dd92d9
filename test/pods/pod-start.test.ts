import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestContainerd, type TestContainerd } from '../support/containerd.ts'
import { buildPod, script } from '../support/pod-builder.ts'
import { TestKubelet } from '../support/test-kubelet.ts'

let machine: TestContainerd
let node: TestKubelet
beforeAll(async () => {
  machine = await startTestContainerd()
  node = await TestKubelet.open(machine)
  node.kubelet.ready()
})
afterAll(async () => {
  await node?.kubelet.removeAll(1)
  await node?.kubelet.close()
  await machine?.remove()
})

test('a pod starts and answers on its own address', async () => {
  const pod = buildPod('web', {
    containers: [script('main', 'echo hello > /www/index.html; exec httpd -f -p 8080 -h /www')],
  })
  node.set(pod)
  const { podIPs, phase, reason } = await node.running(pod)
  expect({ phase, reason }).toEqual({ phase: 'Running', reason: 'Running' })
  const [address] = podIPs
  expect(address).toMatch(/^10\.133\.0\.\d+$/)
  const get = ['busybox', 'wget', '-q', '-O', '-', `http://${address}:8080/`]
  expect(execFileSync('ip', ['netns', 'exec', machine.netns, ...get], { encoding: 'utf8' })).toBe('hello\n')
})
