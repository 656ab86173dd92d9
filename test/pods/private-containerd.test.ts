import { afterAll, beforeAll, expect, test } from 'vitest'
import { CriClient } from '../../src/kubelet/runtime/cri-client.ts'
import { startTestContainerd, type TestContainerd } from '../support/containerd.ts'

let machine: TestContainerd
beforeAll(async () => {
  machine = await startTestContainerd()
})
afterAll(() => machine?.remove())

test('takes pods and says what it is', async () => {
  const client = new CriClient(machine.containerd.endpoint, () => undefined)
  expect((await client.version()).runtimeName).toBe('containerd')
  expect((await client.status()).map(({ type, status }) => [type, status])).toEqual([
    ['RuntimeReady', true],
    ['NetworkReady', true],
  ])
  client.close()
})
