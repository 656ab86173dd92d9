import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { proxyImage } from '../../scripts/build/proxy-image.mjs'
import { readArchiveContents } from '../../src/kubelet/images/archive-contents.ts'
import { type BuiltImage, writeImage } from '../../src/kubelet/images/build.ts'
import { Netns } from '../support/netns.ts'

const run = promisify(execFile)
const NAME = 'localhost/hawser/proxy:test'

let netns: Netns
let folder: string
let built: BuiltImage

beforeAll(async () => {
  netns = await Netns.create('image')
  folder = await mkdtemp(join(tmpdir(), 'hw-image-'))
  built = await writeImage(await proxyImage(NAME), join(folder, 'image.tar'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await netns.dispose()
})

it('is an archive that runtimes know by its name', async () => {
  expect(await readArchiveContents(built.file)).toEqual([{ name: NAME, configDigest: built.id }])
})

it('is node and little else', async () => {
  const [image, node] = await Promise.all([stat(built.file), stat(process.execPath)])
  expect(image.size - node.size).toBeLessThan(25e6)
})

it('runs the command, with all that it loads', async () => {
  const root = join(folder, 'root')
  const blobs = join(folder, 'blobs')
  for (const path of [root, blobs]) await mkdir(path)
  await run('tar', ['-xf', built.file, '-C', blobs])
  const path = (digest: string): string => join(blobs, 'blobs', digest.replace(':', '/'))
  const [{ digest }] = JSON.parse(await readFile(join(blobs, 'index.json'), 'utf8')).manifests
  const [layer] = JSON.parse(await readFile(path(digest), 'utf8')).layers
  await run('tar', ['-xf', path(layer.digest), '-C', root])

  await mkdir(join(root, 'proc'))
  const inside = 'mount --bind /proc "$0/proc" && exec chroot "$0" /usr/local/bin/hawser "$@"'
  const hawser = ['unshare', '--mount', 'sh', '-c', inside, root] as const
  expect(await netns.exec(...hawser, 'version')).toMatch(/^hawser \d/)
  // Past the command line: the addon, the packages, and a kernel.
  expect(await netns.exec(...hawser, 'proxy', '--cleanup')).toContain('Removed the Service rules')
})
