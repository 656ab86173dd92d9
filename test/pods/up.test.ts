import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { UpMachine } from '../support/hawser-up.ts'
import { clientPod, sliceService, webDeployment, webService } from '../support/manifests.ts'

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

  test('knows UDP, session affinity and Services whose endpoints stand in the folder', async () => {
    const agents = await Promise.all([Agent.start(machine.netns), Agent.start(machine.outside)])
    await Promise.all(agents.map((agent, index) => agent.serve(9000, `agent-${index}`)))
    const both = ['192.0.2.10', '192.0.2.1']
    await machine.save(
      'outside.yaml',
      `${sliceService('u', 'UDP', 9000, both)}---${sliceService('t', 'TCP', 9000, both)}`,
    )
    await machine.save(
      'web.yaml',
      `${webDeployment('web', 2)}---${webService('kept', 'web', '  sessionAffinity: ClientIP')}`,
    )
    const run = machine.up('--once')
    const status = await run.ended()
    for (const agent of agents) await agent.stop()
    expect([run.lastWords, status]).toEqual(['', 0])
    const checks = run.progress
      .filter((line) => /^(ok|not checked): /.test(line))
      .map((line) => line.replace(/ 10\S+/, ''))
    expect(checks).toEqual([
      'ok: kept from this machine: one endpoint of 2 keeps this client (session affinity)',
      expect.stringMatching(/^ok: kept from pod web-.*: one endpoint of 2 keeps this client/),
      expect.stringMatching(/^ok: t from this machine: all 2 endpoints answered/),
      expect.stringMatching(/^ok: t from pod web-.*: all 2 endpoints answered/),
      expect.stringMatching(/^ok: u from this machine: all 2 endpoints answered/),
      expect.stringMatching(/^not checked: u from pod web-.*, which has no means for UDP$/),
    ])
    expect(await machine.leftovers()).toEqual([])
  })

  test('does not take a datagram that is refused for one that is not answered', async () => {
    await machine.save('nobody.yaml', sliceService('u', 'UDP', 9000, ['192.0.2.10']))
    const run = machine.up('--once', '--timeout', '4')
    expect(await run.ended()).toBe(1)
    expect(run.lastWords).toMatch(/connections failed \(ECONNREFUSED\)/)
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
