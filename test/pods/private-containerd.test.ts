import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { findProcesses } from '../../src/kubelet/host/processes.ts'
import { CriClient } from '../../src/kubelet/runtime/cri-client.ts'
import { PrivateContainerd } from '../../src/kubelet/runtime/private-containerd.ts'
import { parseCidr } from '../../src/util/address.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { startTestContainerd } from '../support/containerd.ts'
import { TEST_PAUSE_IMAGE } from '../support/containerd-images.ts'
import { eventually } from '../support/eventually.ts'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const temporaryFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hw-'))
  cleanUps.push(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const start = (stateDir: string, netns?: string) => {
  const podCidr = parseCidr('10.134.0.0/24')
  if (podCidr === undefined) throw new Error('no CIDR')
  const options = { stateDir, podCidr, sandboxImage: TEST_PAUSE_IMAGE, log: silentLogger }
  return PrivateContainerd.start(netns === undefined ? options : { ...options, netns })
}

test('takes pods and says what it is', async () => {
  const machine = await startTestContainerd()
  cleanUps.push(() => machine.remove())
  const client = new CriClient(machine.containerd.endpoint, () => undefined)
  cleanUps.push(async () => client.close())
  expect((await client.version()).runtimeName).toBe('containerd')
  const { status: runtime } = await client.status()
  expect(runtime?.conditions.map(({ type, status }) => [type, status])).toEqual([
    ['RuntimeReady', true],
    ['NetworkReady', true],
  ])
})

test('is adopted by the next start, and restarted where that wants it otherwise', async () => {
  const machine = await startTestContainerd()
  cleanUps.push(() => machine.remove())
  const { pid } = machine.containerd
  expect(await machine.again()).toMatchObject({ pid, adopted: true })

  machine.containerd.detach()
  const other = await start(machine.stateDir, machine.netnsPath)
  expect(other.adopted).toBe(false)
  expect(other.pid).not.toBe(pid)
  other.detach()
  await machine.again()
})

test('is started again when it dies, and dies for good when it is stopped', async () => {
  const machine = await startTestContainerd()
  cleanUps.push(() => machine.remove())
  const { containerd } = machine
  const first = containerd.pid
  process.kill(first, 'SIGKILL')
  const second = await eventually(() => (containerd.pid === first ? undefined : containerd.pid))
  await containerd.stop()
  const config = `--config=${join(machine.stateDir, 'containerd', 'config.toml')}`
  expect(await findProcesses('containerd', config)).toEqual([])
  expect(second).not.toBe(first)
})

test('a machine without containerd is told what to install', async () => {
  vi.stubEnv('PATH', '/nonexistent')
  await expect(start(await temporaryFolder())).rejects.toMatchObject({
    code: 'CONTAINERD_MISSING',
    message: expect.stringContaining('apt-get install --no-install-recommends containerd'),
  })
})

test('a state folder too deep for a socket is refused', async () => {
  const deep = join(await temporaryFolder(), 'x'.repeat(80))
  await expect(start(deep)).rejects.toMatchObject({
    code: 'SOCKET_PATH_TOO_LONG',
    message: expect.stringContaining('choose a shorter state folder'),
  })
})
