import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Kubelet } from '../../src/kubelet/kubelet.ts'
import { readFigures } from '../../src/kubelet/node/figures.ts'
import { NodeHealth } from '../../src/kubelet/node/health.ts'
import { NodeRuntime } from '../../src/kubelet/node/node-runtime.ts'
import { systemClock } from '../../src/util/clock.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { startTestContainerd, type TestContainerd } from '../support/containerd.ts'
import { eventually } from '../support/eventually.ts'

let machine: TestContainerd
let runtime: NodeRuntime
let health: NodeHealth
let kubelet: Kubelet
beforeEach(async () => {
  machine = await startTestContainerd()
  runtime = new NodeRuntime(machine.containerd.endpoint)
  kubelet = await Kubelet.open({
    endpoint: machine.containerd.endpoint,
    stateDir: machine.stateDir,
    nodeName: 'test-node',
    nodeAddresses: [],
    registry: new Registry(),
    log: silentLogger,
    onRuntimeAway: () => void health.check(),
  })
  health = new NodeHealth({
    status: () => runtime.status(),
    snapshotAgeMs: () => kubelet.snapshotAgeMs,
    figures: () => readFigures({ nodefs: machine.stateDir, imagefs: runtime.imageFolder }),
    reasons: [],
    onChange: () => undefined,
    clock: systemClock,
    log: silentLogger,
    graceMs: 200,
  })
})
afterEach(async () => {
  health?.close()
  await kubelet?.close()
  runtime?.close()
  await machine?.remove()
})

const says = (notReady: RegExp | undefined) =>
  eventually(async () => {
    await health.check()
    const said = health.report().notReady
    const holds = notReady === undefined ? said === undefined : said !== undefined && notReady.test(said)
    return holds ? true : undefined
  }, 60_000)

test('a pod network that is not configured makes the node unready, with what the runtime says of it', async () => {
  await says(undefined)
  const config = join(machine.stateDir, 'containerd', 'cni', '10-hawser.conflist')
  await rename(config, `${config}.away`)
  await says(/^container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:/)
  await rename(`${config}.away`, config)
  await says(undefined)
})

test('a runtime that dies makes the node unready, and one that is back ready again', async () => {
  await says(undefined)
  expect(runtime.description.version).toMatch(/^containerd:\/\/\d+\.\d+/)
  expect(runtime.imageFolder).toContain(machine.stateDir)
  const names = (await runtime.images()).flatMap(({ names }) => names)
  expect(names).toContain('localhost/hawser-test/busybox:1')
  const { pid } = machine.containerd
  // Nobody starts it again by himself.
  machine.containerd.detach()
  process.kill(pid, 'SIGKILL')
  await says(/^container runtime is down: /)
  // As it last was: a restart is no news of it.
  expect(runtime.description.version).toMatch(/^containerd:/)
  await machine.again()
  await says(undefined)
})
