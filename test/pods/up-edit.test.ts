import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Snapshot } from '../../src/cli/up/snapshot.ts'
import { UpMachine, type UpRun } from '../support/hawser-up.ts'
import { webDeployment, webService } from '../support/manifests.ts'

/** Until a change of a file is seen by the node; what the pods then take is their own. */
const seenMs = 1000
const startMs = 30_000

let machine: UpMachine
let run: UpRun

beforeAll(async () => {
  machine = await UpMachine.create()
  await machine.save('web.yaml', webDeployment('web', 2))
  await machine.save('service.yaml', webService('web', 'web'))
  run = machine.up()
  await run.until('two pods behind a Service', serves('web', 2), startMs)
})
afterAll(() => machine?.dispose())

const serves =
  (service: string, ready: number) =>
  ({ services }: Snapshot): boolean =>
    services.some(
      (row) => row.service === service && row.state === 'answers' && row.endpoints.ready === ready,
    )

const podNames = (snapshot: Snapshot | undefined): readonly string[] =>
  (snapshot?.pods ?? []).filter(({ state }) => state === 'Running').map(({ pod }) => pod)

const fetchFrom = (address: string | undefined): Promise<string> =>
  machine.netns.exec('curl', '--silent', '--show-error', '--max-time', '5', `http://${address}/`)

test('the cluster IP answers from this machine', async () => {
  const address = run.snapshot?.services[0]?.addresses[0]
  expect(await fetchFrom(address)).toMatch(/^[0-9a-f-]{36}\n$/)
})

test('scaling up adds a pod and leaves the others alone', async () => {
  const before = podNames(run.snapshot)
  await machine.save('web.yaml', webDeployment('web', 3))
  await run.until('a third pod is known', ({ pods }) => pods.length === 3, seenMs)
  const after = await run.until('three pods serve', serves('web', 3), startMs)
  expect(podNames(after)).toEqual(expect.arrayContaining([...before]))
  expect(after.pods.every(({ restarts }) => restarts === 0)).toBe(true)
})

test('scaling down takes the endpoint out at once and the pod away', async () => {
  await machine.save('web.yaml', webDeployment('web', 1))
  await run.until('one endpoint is left', serves('web', 1), seenMs)
  await run.until('one pod is left', ({ pods }) => pods.length === 1, startMs)
})

test('a new Service answers within a second', async () => {
  await machine.save('more.yaml', webService('more', 'web'))
  const { services } = await run.until('it is in the kernel', serves('more', 1), seenMs)
  expect(await fetchFrom(services.find(({ service }) => service === 'more')?.addresses[0])).not.toBe('')
})

test('a broken file is reported with its line, and its last good state stays in force', async () => {
  await machine.save('more.yaml', `${webService('more', 'web')}\nbroken: [`)
  const { problems, services } = await run.until('the problem', (seen) => seen.problems.length > 0, seenMs)
  expect(problems).toEqual([
    expect.objectContaining({
      severity: 'error',
      place: expect.stringMatching(/^more\.yaml:\d+:\d+$/),
      remedy: 'the last good state stays in force',
    }),
  ])
  expect(await fetchFrom(services.find(({ service }) => service === 'more')?.addresses[0])).not.toBe('')
})

test('a removed file takes its Service along', async () => {
  await machine.remove('more.yaml')
  await run.until('it is gone', ({ services }) => services.length === 1, seenMs)
})

test('Ctrl-C leaves nothing behind', async () => {
  run.signal('SIGINT')
  expect([await run.ended(), run.lastWords]).toEqual([0, ''])
  expect(run.progress.at(-1)).toBe('Everything that was made is removed')
  expect(await machine.leftovers()).toEqual([])
})
