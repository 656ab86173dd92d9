import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Snapshot } from '../../src/cli/up/snapshot.ts'
import { UpMachine, type UpRun } from '../support/hawser-up.ts'
import { webDeployment, webService } from '../support/manifests.ts'

const startMs = 30_000

let machine: UpMachine
let run: UpRun

beforeAll(async () => {
  machine = await UpMachine.create()
  await machine.save('web.yaml', `${webDeployment('web', 1)}---${webService('web', 'web')}`)
  run = machine.up()
  await run.until('a pod serves', serves, startMs)
})
afterAll(() => machine?.dispose())

const serves = ({ services, pods }: Snapshot): boolean =>
  services.every((row) => row.state === 'answers') && pods.every(({ state }) => state === 'Running')

let address: string | undefined
const page = (): Promise<string> => {
  address ??= run.snapshot?.services[0]?.addresses[0]
  return machine.netns.exec('curl', '-sS', '--max-time', '5', `http://${address}/`)
}

test('a second node on the same state folder is refused with the number of the first one', async () => {
  const second = machine.up('--metrics-bind-address', '127.0.0.1:0')
  expect(await second.ended()).toBe(1)
  expect(second.lastWords).toMatch(/^hawser: process \d+ runs a node on .*\/s \(end it first/)
})

test('a metrics address that is taken is one clear line', async () => {
  const second = machine.up('--state-dir', `${machine.stateDir}2`)
  expect(await second.ended()).toBe(1)
  expect(second.lastWords).toMatch(
    /metrics cannot be served at 127\.0\.0\.1:10249: .*EADDRINUSE.*--metrics-bind-address/,
  )
})

test('metrics and health are served', async () => {
  const get = (path: string) => machine.netns.exec('curl', '-sS', '-f', `http://127.0.0.1:10249${path}`)
  expect(await get('/healthz')).toBe('ok\n')
  const metrics = await get('/metrics')
  for (const name of ['hawser_build_info', 'process_resident_memory_bytes', 'kubeproxy_sync_proxy_rules_'])
    expect(metrics).toContain(name)
})

test('after kill -9 the pods serve on, and the next node adopts them without a restart', async () => {
  const before = await page()
  await run.kill()
  expect(await page()).toBe(before)

  run = machine.up()
  const adopting = run.until('the pod serves', serves, startMs)
  // No connection may fail while the next node takes over: the rules of the last one serve until then.
  let serving = true
  const pages = (async () => {
    const seen = new Set<string>()
    while (serving) seen.add(await page())
    return [...seen]
  })()
  const adopted = await adopting
  serving = false
  expect(await pages).toEqual([before])
  expect(adopted.pods.map(({ restarts }) => restarts)).toEqual([0])
  expect(adopted.services[0]?.addresses).toEqual([address])
  expect(await page()).toBe(before)
})

test('a second Ctrl-C leaves at once and says what remains; the next node goes on with it', async () => {
  run.signal('SIGTERM')
  await run.said('Removing the pods', startMs)
  run.signal('SIGINT')
  expect(await run.ended()).toBe(130)
  expect(run.lastWords).toMatch(/^hawser: leaving at once; still there: the pods, the private containerd, /)

  run = machine.up()
  await run.until('a pod serves', serves, startMs)
  run.signal('SIGTERM')
  expect(await run.ended()).toBe(0)
  expect(await machine.leftovers()).toEqual([])
})
