import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { readImageFolder } from '../../../src/kubelet/images/image-folder.ts'
import type { Change } from '../../../src/model/change.ts'
import { FileSource } from '../../../src/sources/files/file-source.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { cidr } from '../../support/services.ts'

const HELLO = fileURLToPath(new URL('../../../examples/hello', import.meta.url))

/** What the node makes of the example. */
async function readHello() {
  const state = await mkdtemp(join(tmpdir(), 'hw-hello-'))
  const changes: Change[] = []
  const source = await FileSource.open({
    folder: HELLO,
    nodeName: 'here',
    ranges: { clusterIPs: [cidr('10.96.0.0/16')], nodePorts: { first: 30_000, last: 32_767 } },
    stateDir: state,
    log: silentLogger,
    onUpdate: (update) => void changes.push(...update.changes),
  })
  onTestFinished(async () => {
    source.close()
    await rm(state, { recursive: true, force: true })
  })
  const pods = changes.flatMap((change) => (change.kind === 'Pod' && change.object ? [change.object] : []))
  const services = changes.flatMap((change) =>
    change.kind === 'Service' && change.object ? [change.object] : [],
  )
  return { problems: source.problems, pods, services }
}

it('has no field that Hawser objects to or leaves out', async () => {
  const { problems } = await readHello()

  expect(problems).toEqual([])
})

it('has three web pods and a client, and two Services over the same pods', async () => {
  const { pods, services } = await readHello()

  expect(pods.map((pod) => pod.labels.get('app') ?? pod.name).sort()).toEqual([
    'default/client',
    'web',
    'web',
    'web',
  ])
  expect(services.map((service) => [service.name, service.selector])).toEqual([
    ['default/web', new Map([['app', 'web']])],
    ['default/web-public', new Map([['app', 'web']])],
  ])
})

it('uses no image but the one that it brings along, and never asks a registry for it', async () => {
  const { pods } = await readHello()
  const image = await readImageFolder(join(HELLO, 'images', 'web'))

  for (const container of pods.flatMap((pod) => pod.containers)) {
    expect(container).toMatchObject({ image: image.name, imagePullPolicy: 'IfNotPresent' })
  }
})
