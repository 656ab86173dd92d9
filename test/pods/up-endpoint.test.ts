import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { UpMachine } from '../support/hawser-up.ts'
import { webDeployment, webService } from '../support/manifests.ts'

let machine: UpMachine
beforeAll(async () => {
  machine = await UpMachine.create()
})
afterAll(() => machine?.dispose())

test('a runtime that already runs is used and left as it was, with the pods of others', async () => {
  await machine.save('web.yaml', webDeployment('other', 1))
  const first = machine.up()
  const { pods } = await first.until('a pod runs', (seen) => seen.pods[0]?.state === 'Running', 30_000)
  await first.kill()

  const socket = join(machine.stateDir, 'containerd', 'containerd.sock')
  await machine.save('web.yaml', `${webDeployment('web', 2)}---${webService('web', 'web')}`)
  const second = machine.up(
    '--once',
    '--container-runtime-endpoint',
    `unix://${socket}`,
    '--state-dir',
    `${machine.stateDir}2`,
  )
  const status = await second.ended()
  expect([second.lastWords, status]).toEqual(['', 0])
  expect(second.progress).not.toContain('Removing the private containerd')

  await machine.save('web.yaml', webDeployment('other', 1))
  const again = machine.up()
  const adopted = await again.until('the pod is known', (seen) => seen.pods[0]?.state === 'Running', 30_000)
  expect(adopted.pods).toEqual(pods)
})

test('a runtime that is not there is one clear line', async () => {
  const run = machine.up(
    '--container-runtime-endpoint',
    'unix:///nowhere/containerd.sock',
    '--state-dir',
    `${machine.stateDir}3`,
    '--metrics-bind-address',
    '127.0.0.1:0',
  )
  expect(await run.ended()).toBe(1)
  expect(run.lastWords).toBe(
    'hawser: there is no container runtime at unix:///nowhere/containerd.sock (start it, or leave --container-runtime-endpoint out)',
  )
})
