import { readdirSync, readFileSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildImage } from '../../../src/kubelet/images/build.ts'
import { digestOf, readArchive } from './archive-content.ts'
import { folderOf, temporaryFolder } from './image-folder.ts'

const description = `
name: localhost/web:1
entrypoint: [/bin/serve]
cmd: [--port, "80"]
env: {PATH: /bin, LANG: C}
workingDir: /srv
user: "1000:1000"
ports: [80/tcp]
files:
  - source: program
    path: /bin/serve
    mode: 0o4755
    links: [/bin/s, /usr/bin/serve]
`

const exampleFiles = {
  'image.yaml': description,
  program: 'not really a program\n',
  'rootfs/etc/motd': 'welcome\n',
  'rootfs/etc-old/note': 'sorts between the folder and what is in it\n',
  'rootfs/opt/run': { text: '#!/bin/sh\n', mode: 0o755 },
}

async function built(directory: string, name?: string) {
  const file = join(temporaryFolder(), 'image.tar')
  const image = await buildImage(name === undefined ? { directory, file } : { directory, file, name })
  return { image, file, ...(await readArchive(file)) }
}

describe('an archive built from a folder', () => {
  it('is an OCI image layout in which every blob has the digest and size that refer to it', async () => {
    const { layout, descriptor, manifest, config, layer, members, image } = await built(
      folderOf(exampleFiles),
    )

    expect(layout).toEqual({ imageLayoutVersion: '1.0.0' })
    for (const { header, bytes } of members.filter(({ header }) => header.name.startsWith('blobs/'))) {
      expect(`blobs/${digestOf(bytes).replace(':', '/')}`).toBe(header.name)
    }
    expect(image.digest).toBe(descriptor.digest)
    expect(image.id).toBe(manifest.config.digest)
    expect(manifest.layers[0].size).toBe(layer.length)
    expect(config.rootfs).toEqual({ type: 'layers', diff_ids: [digestOf(layer)] })
  })

  it("carries the name for containerd, and this machine's architecture", async () => {
    const { descriptor, config } = await built(folderOf(exampleFiles))
    const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as 'x64' | 'arm64']

    expect(descriptor.annotations['io.containerd.image.name']).toBe('localhost/web:1')
    expect(descriptor.platform).toEqual({ architecture, os: 'linux' })
    expect(config.architecture).toBe(architecture)
  })

  it('gives containers the defaults of image.yaml', async () => {
    const { config } = await built(folderOf(exampleFiles))

    expect(config.config).toMatchObject({
      Entrypoint: ['/bin/serve'],
      Cmd: ['--port', '80'],
      Env: ['PATH=/bin', 'LANG=C'],
      WorkingDir: '/srv',
      User: '1000:1000',
      ExposedPorts: { '80/tcp': {} },
    })
  })

  it('holds rootfs, files and links, each folder ahead of its content', async () => {
    const directory = folderOf(exampleFiles)
    symlinkSync('etc/motd', join(directory, 'rootfs', 'motd'))
    const { layerMembers } = await built(directory)

    expect(
      layerMembers.map(({ header }) => [header.type, header.name, header.mode.toString(8), header.linkname]),
    ).toEqual([
      ['directory', 'bin/', '755', null],
      ['symlink', 'bin/s', '777', '/bin/serve'],
      ['file', 'bin/serve', '4755', null],
      ['directory', 'etc/', '755', null],
      ['directory', 'etc-old/', '755', null],
      ['file', 'etc-old/note', '644', null],
      ['file', 'etc/motd', '644', null],
      ['symlink', 'motd', '777', 'etc/motd'],
      ['directory', 'opt/', '755', null],
      ['file', 'opt/run', '755', null],
      ['directory', 'usr/', '755', null],
      ['directory', 'usr/bin/', '755', null],
      ['symlink', 'usr/bin/serve', '777', '/bin/serve'],
    ])
    expect(layerMembers.find(({ header }) => header.name === 'etc/motd')?.bytes.toString()).toBe('welcome\n')
    expect(new Set(layerMembers.map(({ header }) => `${header.uid}:${header.gid} ${+header.mtime}`))).toEqual(
      new Set(['0:0 0']),
    )
  })

  it('prefers an entry of files to one of rootfs', async () => {
    const { layerMembers } = await built(
      folderOf({
        'image.yaml': 'name: localhost/x:1\nfiles: [{source: new, path: /etc/motd, mode: 0o600}]\n',
        new: 'new\n',
        'rootfs/etc/motd': 'old\n',
      }),
    )

    const motd = layerMembers.filter(({ header }) => header.name === 'etc/motd')
    expect(motd.map(({ header, bytes }) => [header.mode, bytes.toString()])).toEqual([[0o600, 'new\n']])
  })

  it('keeps paths longer than a tar header holds', async () => {
    const path = `rootfs/${'deep/'.repeat(60)}file`
    const { layerMembers } = await built(folderOf({ 'image.yaml': 'name: localhost/x:1\n', [path]: 'x' }))

    expect(layerMembers.at(-1)?.header.name).toBe(path.slice('rootfs/'.length))
  })

  it('keeps a file of several read buffers whole', async () => {
    const big = 'x'.repeat(300_001)
    const { layerMembers } = await built(
      folderOf({ 'image.yaml': 'name: localhost/x:1\n', 'rootfs/big': big }),
    )

    expect(layerMembers[0]?.bytes.toString()).toBe(big)
  })
})

describe('the digest', () => {
  it('is the same for the same content, whatever its age and the order in which it came', async () => {
    const first = await built(folderOf(exampleFiles))
    const directory = folderOf(Object.fromEntries(Object.entries(exampleFiles).reverse()))
    utimesSync(join(directory, 'rootfs/etc/motd'), 1, 1)
    const second = await built(directory)

    expect(readFileSync(second.file).equals(readFileSync(first.file))).toBe(true)
    expect(second.image.digest).toBe(first.image.digest)
  })

  it('is the same with every version of Node', async () => {
    const { manifest } = await built(folderOf(exampleFiles))

    expect(manifest.layers[0].digest).toBe(
      'sha256:909a0a5c8c2fac7dcd64ac2de50bd623b1786ce333a3d4042128930366791c3e',
    )
  })

  it('differs between names, so that the runtime keeps them apart', async () => {
    const directory = folderOf(exampleFiles)
    const one = await built(directory)
    const other = await built(directory, 'localhost/other:2')

    expect(other.image.name).toBe('localhost/other:2')
    expect(other.image.id).not.toBe(one.image.id)
  })
})

it('leaves nothing beside the archive', async () => {
  const { file } = await built(folderOf(exampleFiles))

  expect(readdirSync(join(file, '..'))).toEqual(['image.tar'])
})
