import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UpMachine } from '../support/hawser-up.ts'
import { clientPod, webDeployment, webService } from '../support/manifests.ts'

let machine: UpMachine
beforeEach(async () => {
  machine = await UpMachine.create()
})
afterEach(() => machine?.dispose())

describe('--once', () => {
  test('checks every Service from every side, takes all down and ends well', async () => {
    await machine.save('web.yaml', `${webDeployment('web', 3)}---${clientPod('client')}`)
    await machine.save(
      'services.yaml',
      `${webService('web', 'web')}---${webService('out', 'web', '  type: NodePort')}`,
    )
    const run = machine.up('--once')
    const status = await run.ended()
    expect([run.lastWords, status]).toEqual(['', 0])
    const checks = run.progress.filter((line) => line.startsWith('ok: '))
    // Two cluster IPs and a node port, each from this machine and from the client pod.
    expect(checks).toHaveLength(6)
    expect(checks.filter((line) => line.includes('all 3 endpoints answered'))).toHaveLength(6)
    expect(checks.filter((line) => line.includes('from pod client'))).toHaveLength(3)
    expect(await machine.leftovers()).toEqual([])
  })

  test('says which Service is silent, fails, and takes all down all the same', async () => {
    const nobodyListens = webService('quiet', 'web').replace('8080', '8081')
    await machine.save('web.yaml', `${webDeployment('web', 1)}---${nobodyListens}`)
    const run = machine.up('--once', '--timeout', '5')
    expect(await run.ended()).toBe(1)
    expect(run.lastWords).toMatch(
      /^hawser: quiet 10\.96\.\d+\.\d+:80\/TCP from this machine: \d+ of \d+ connections failed \(ECONNREFUSED\)/,
    )
    expect(await machine.leftovers()).toEqual([])
  })

  test('says which pod is not ready in time, and why', async () => {
    await machine.save('web.yaml', webDeployment('web', 1, 'localhost/nowhere:1'))
    const run = machine.up('--once', '--timeout', '3')
    expect(await run.ended()).toBe(1)
    expect(run.lastWords).toMatch(
      /^hawser: after 3 s pod web-\w+-\w+ is not ready \((ErrImagePull|ImagePullBackOff).*localhost\/nowhere:1/,
    )
    expect(await machine.leftovers()).toEqual([])
  })

  test('fails at once on a manifest that is broken, with its line', async () => {
    await machine.save('web.yaml', webService('web', 'web').replace('port: 80,', 'port: eighty,'))
    const run = machine.up('--once')
    expect(await run.ended()).toBe(1)
    expect(run.lastWords).toMatch(
      /^hawser: web\.yaml:7:\d+: Service default\/web: spec\.ports\[0\]\.port must be/,
    )
    expect(await machine.leftovers()).toEqual([])
  })
})

test('an error that nobody waits for ends the node in order, with a clear line', async () => {
  await machine.save('web.yaml', webDeployment('web', 1))
  const crash = "process.on('SIGUSR2', () => void Promise.reject(new Error('a bug')))"
  const run = machine.upWith({
    ...process.env,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(crash)}`,
  })
  await run.until('a pod runs', ({ pods }) => pods.some(({ state }) => state === 'Running'), 30_000)
  run.signal('SIGUSR2')
  expect(await run.ended()).toBe(1)
  expect(run.lastWords).toBe('hawser: ended by an error: a bug')
  expect(await machine.leftovers()).toEqual([])
})
