import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Mount, MountPropagation } from '../../../src/gen/runtime.ts'
import { writeFilesAtomically } from '../../../src/kubelet/volumes/atomic-files.ts'
import { PodVolumes } from '../../../src/kubelet/volumes/pod-volumes.ts'
import { projectedFiles } from '../../../src/kubelet/volumes/projected-files.ts'
import type { ConfigObject } from '../../../src/model/config-object.ts'
import { objectName } from '../../../src/model/object-name.ts'
import type { FilePart, Pod, VolumeMount, VolumeSource } from '../../../src/model/pod.ts'
import { buildContainer, buildPod, mount } from '../../support/pod-builder.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('files that change all at once', () => {
  const shown = async (path: string): Promise<Record<string, string>> => {
    const entries = await readdir(path, { withFileTypes: true })
    const visible = entries.map(({ name }) => name).filter((name) => !name.startsWith('..'))
    const parts = await Promise.all(
      visible.map(async (name): Promise<[string, string][]> => {
        const file = join(path, name)
        if (!(await stat(file)).isDirectory()) return [[name, await readFile(file, 'utf8')]]
        return Object.entries(await shown(file)).map(([below, text]) => [`${name}/${below}`, text])
      }),
    )
    return Object.fromEntries(parts.flat())
  }

  test('show exactly the last set, whatever sets came before', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'dir/a', 'dir/b')
    const set = fc.dictionary(name, fc.string(), { noNullPrototype: true })
    await fc.assert(
      fc.asyncProperty(fc.array(set, { minLength: 1, maxLength: 4 }), async (sets) => {
        const path = await mkdtemp(join(folder, 'v-'))
        for (const files of sets) {
          await writeFilesAtomically(path, written(files))
          expect(await shown(path)).toEqual(files)
        }
        // The current content, the link to it, and what is visible: no remains of former sets.
        expect((await readdir(path)).filter((entry) => entry.startsWith('..'))).toHaveLength(2)
      }),
      { numRuns: 25 },
    )
  })

  test('keep their identity while nothing changes', async () => {
    const write = (mode: number) => writeFilesAtomically(folder, written({ a: 'x' }, mode))
    await write(0o640)
    const before = await readlink(join(folder, '..data'))
    await write(0o640)
    expect(await readlink(join(folder, '..data'))).toBe(before)
    await write(0o600)
    expect((await stat(join(folder, 'a'))).mode & 0o777).toBe(0o600)
  })

  test('recover from a change that a crash cut short', async () => {
    await writeFilesAtomically(folder, written({ a: 'old' }))
    await mkdir(join(folder, '..half'))
    await symlink('..half', join(folder, '..data_tmp'))
    await writeFilesAtomically(folder, written({ a: 'new' }))
    expect(await shown(folder)).toEqual({ a: 'new' })
    expect((await readdir(folder)).filter((name) => name.startsWith('..'))).toHaveLength(2)
  })
})

const NODE = { cpuMilli: 2000, memoryBytes: 2 ** 30 }

const written = (files: Readonly<Record<string, string>>, mode = 0o644) =>
  new Map(Object.entries(files).map(([path, content]) => [path, { content, mode, owner: undefined }]))

describe('the files of a volume', () => {
  const settings: ConfigObject = {
    kind: 'ConfigMap',
    name: objectName('default', 'settings'),
    data: new Map([
      ['a', '1'],
      ['b', '2'],
    ]),
  }
  const pod = buildPod('web', {
    labels: new Map([
      ['tier', 'front'],
      ['app', 'say "hi"'],
    ]),
  })
  const filesOf = (parts: readonly FilePart[], known: readonly ConfigObject[] = [settings], of: Pod = pod) =>
    projectedFiles({ kind: 'files', plugin: 'projected', medium: 'disk', mode: 0o644, parts }, of, {
      config: (kind, name) => known.find((it) => it.kind === kind && it.name === name),
      node: NODE,
      tokens: new Map(),
    })
  const from = { kind: 'ConfigMap', name: 'settings', optional: false } as const
  const optional = { ...from, optional: true }
  const items = [{ key: 'c', path: 'c', mode: undefined }]

  test('are the keys of a ConfigMap, or the items asked for', () => {
    expect(filesOf([{ kind: 'config', from, items: [] }])).toEqual(written({ a: '1', b: '2' }))
    const deep = [{ key: 'b', path: 'deep/er', mode: 0o600 }]
    expect(filesOf([{ kind: 'config', from, items: deep }])).toEqual(written({ 'deep/er': '2' }, 0o600))
  })

  test('are none where it is optional and missing', () => {
    expect(filesOf([{ kind: 'config', from: optional, items: [] }], []).size).toBe(0)
    expect(filesOf([{ kind: 'config', from: optional, items }]).size).toBe(0)
  })

  test('are refused by name where it is needed and missing', () => {
    const missing = { code: 'CONFIG_MISSING' }
    expect(() => filesOf([{ kind: 'config', from, items: [] }], [])).toThrow(expect.objectContaining(missing))
    expect(() => filesOf([{ kind: 'config', from, items }])).toThrow('references non-existent config key: c')
  })

  test('tell of the pod itself', () => {
    const place = (path: string) => ({ path, mode: undefined })
    const files = filesOf([
      { kind: 'field', field: 'metadata.labels', ...place('labels') },
      { kind: 'field', field: "metadata.labels['tier']", ...place('tier') },
      { kind: 'resource', container: 'main', resource: 'limits.cpu', divisor: 0.001, ...place('cpu') },
    ])
    expect(files).toEqual(written({ labels: 'app="say \\"hi\\""\ntier="front"', tier: 'front', cpu: '2000' }))
  })

  test('of several parts are together, the later one ahead', () => {
    const part = { kind: 'field', field: 'metadata.name', path: 'a', mode: undefined } as const
    expect(filesOf([{ kind: 'config', from, items: [] }, part])).toEqual(written({ a: 'web', b: '2' }))
  })

  describe('that hold a token are read', () => {
    const part = { kind: 'token', audience: undefined, expirationSeconds: 3600, path: 'token' } as const
    const readBy = (changes: Partial<Omit<Pod, 'name'>>) =>
      filesOf([part], [], { ...pod, ...changes }).get('token')
    const as = (runAsUser: number | undefined) => {
      const container = buildContainer({ name: `as-${runAsUser}` })
      return { ...container, security: { ...container.security, runAsUser } }
    }
    const { security } = pod

    test('by anybody where it is not known whom the containers run as', () => {
      expect(readBy({})).toMatchObject({ mode: 0o644, owner: undefined })
      expect(readBy({ containers: [as(1), as(2)] })).toMatchObject({ mode: 0o644, owner: undefined })
      expect(readBy({ containers: [as(1), as(undefined)] })).toMatchObject({ mode: 0o644 })
    })

    test('by the one user of all containers', () => {
      const changes = { initContainers: [as(7)], containers: [as(7)] }
      expect(readBy(changes)).toMatchObject({ mode: 0o600, owner: { uid: 7, gid: 0 } })
    })

    test('by the group of the pod', () => {
      const changes = { containers: [as(7)], security: { ...security, fsGroup: 9 } }
      expect(readBy(changes)).toMatchObject({ mode: 0o640, owner: { uid: 0, gid: 9 } })
    })
  })

  test('belong to the group of the pod, which can read them', () => {
    const grouped = { ...pod, security: { ...pod.security, fsGroup: 9 } }
    const parts = [{ kind: 'config', from, items: [{ key: 'a', path: 'a', mode: 0o400 }] }] as const
    expect(filesOf(parts, [settings], grouped).get('a')).toEqual({
      content: '1',
      mode: 0o440,
      owner: { uid: 0, gid: 9 },
    })
  })
})

describe('volumes of a pod', () => {
  const podWith = (source: VolumeSource, changes: Partial<VolumeMount> = {}): Pod =>
    buildPod('web', {
      volumes: [{ name: 'v', source }],
      containers: [
        buildContainer({
          name: 'main',
          volumeMounts: [mount('v', '/v', changes)],
        }),
      ],
    })
  const emptyDir = { kind: 'emptyDir', medium: 'disk', sizeBytes: undefined } as const
  const openVolumes = () =>
    new PodVolumes({
      places: { stateDir: folder, logsDir: join(folder, 'logs') },
      config: () => undefined,
      node: NODE,
      tokens: undefined,
      clusterDomain: 'cluster.local',
    })
  const mountOf = async (pod: Pod, environment: ReadonlyMap<string, string> = new Map()) => {
    const volumes = openVolumes()
    await volumes.prepare(pod)
    const [container = buildContainer({ name: 'main' })] = pod.containers
    const mounts = await volumes.mountsFor(pod, container, { attempt: 0, podIPs: [], environment })
    return mounts.find(({ containerPath }) => containerPath === '/v')
  }
  const inVolume = (...path: string[]) =>
    join(folder, 'pods/uid-web/volumes/kubernetes.io~empty-dir/v', ...path)

  /** A mount is of the very inode, not of a name. */
  const isShown = async (path: string, mount: Mount | undefined) => {
    const [wanted, shown] = await Promise.all([path, mount?.hostPath ?? ''].map((it) => stat(it)))
    expect([shown?.dev, shown?.ino]).toEqual([wanted?.dev, wanted?.ino])
    expect(mount?.hostPath).toBe(join(folder, 'pods/uid-web/volume-subpaths/v/main/0'))
  }
  afterEach(() => openVolumes().removeByUid('uid-web'))

  test('a disk emptyDir may be written by anyone', async () => {
    expect((await mountOf(podWith(emptyDir)))?.hostPath).toBe(inVolume())
    expect((await stat(inVolume())).mode & 0o777).toBe(0o777)
  })

  test('an emptyDir keeps what is in it when it is prepared again', async () => {
    await mountOf(podWith(emptyDir))
    await writeFile(inVolume('kept'), 'x')
    await mountOf(podWith(emptyDir))
    expect(await readdir(inVolume())).toEqual(['kept'])
  })

  test.each(['disk', 'memory'] as const)(
    'an emptyDir of medium %s belongs to the group of the pod',
    async (medium) => {
      const pod = podWith({ ...emptyDir, medium })
      await mountOf({ ...pod, security: { ...pod.security, fsGroup: 4321 } })
      try {
        expect(await stat(inVolume())).toMatchObject({ uid: 0, gid: 4321 })
        expect((await stat(inVolume())).mode & 0o7777).toBe(0o2777)
      } finally {
        await openVolumes().remove(pod)
      }
    },
  )

  test('a missing subPath is made, for whoever may write the volume', async () => {
    const pod = podWith(emptyDir, { subPath: 'deep/er' })
    await isShown(inVolume('deep/er'), await mountOf(pod))
    expect((await stat(inVolume('deep/er'))).mode & 0o777).toBe(0o777)
  })

  test('a subPath is what it was when it was looked at, whatever its name leads to later', async () => {
    const pod = podWith(emptyDir, { subPath: 'part' })
    const mount = await mountOf(pod)
    await writeFile(inVolume('part', 'own'), '')
    await rename(inVolume('part'), inVolume('moved'))
    await symlink('/etc', inVolume('part'))
    expect(await readdir(mount?.hostPath ?? '')).toEqual(['own'])
    await expect(mountOf(pod)).rejects.toMatchObject({ code: 'SUB_PATH_OUTSIDE' })
  })

  test('a subPath can be a file, and another one at the next start', async () => {
    const pod = podWith(emptyDir, { subPath: 'file' })
    await mountOf(podWith(emptyDir))
    for (const text of ['first', 'second']) {
      await writeFile(inVolume('new'), text)
      await rename(inVolume('new'), inVolume('file'))
      expect(await readFile((await mountOf(pod))?.hostPath ?? '', 'utf8')).toBe(text)
    }
  })

  test('a subPath can have variables of the container in it', async () => {
    const pod = podWith(emptyDir, { subPathExpr: 'of/$(NAME)' })
    await isShown(inVolume('of/web-0'), await mountOf(pod, new Map([['NAME', 'web-0']])))
    await expect(mountOf(pod)).rejects.toMatchObject({ message: expect.stringContaining('no variable NAME') })
    await expect(mountOf(pod, new Map([['NAME', '../..']]))).rejects.toMatchObject({
      code: 'SUB_PATH_OUTSIDE',
    })
  })

  test('mounts made later are seen on the other side as far as the mount says', async () => {
    const propagation = async (changes: Partial<VolumeMount>) =>
      (await mountOf(podWith(emptyDir, changes)))?.propagation
    expect(await propagation({})).toBe(MountPropagation.PROPAGATION_PRIVATE)
    expect(await propagation({ propagation: 'HostToContainer' })).toBe(
      MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
    )
    expect(await propagation({ propagation: 'Bidirectional' })).toBe(
      MountPropagation.PROPAGATION_BIDIRECTIONAL,
    )
  })

  test.each(['../outside', '/etc', 'a/../../b'])('a subPath of %s is refused', async (subPath) => {
    await expect(mountOf(podWith(emptyDir, { subPath }))).rejects.toMatchObject({ code: 'SUB_PATH_OUTSIDE' })
  })

  test('a subPath through a link that leads out of the volume is refused, and makes nothing there', async () => {
    await mountOf(podWith(emptyDir))
    await mkdir(join(folder, 'secret'))
    await symlink(join(folder, 'secret'), inVolume('link'))
    const pod = podWith(emptyDir, { subPath: 'link/new' })
    await expect(mountOf(pod)).rejects.toMatchObject({ code: 'SUB_PATH_OUTSIDE' })
    expect(await readdir(join(folder, 'secret'))).toEqual([])
  })

  test.each([
    ['Directory', 'absent', 'is not there'],
    ['File', 'absent', 'is not there'],
    ['Directory', 'file', 'is not of type Directory'],
    ['FileOrCreate', 'dir', 'is not of type FileOrCreate'],
    ['Socket', 'file', 'is not of type Socket'],
    ['Folder', 'dir', 'there is no type Folder'],
  ])('a hostPath of type %s at a path that is %s: %s', async (type, name, message) => {
    await writeFile(join(folder, 'file'), '')
    await mkdir(join(folder, 'dir'))
    const source = { kind: 'hostPath', path: join(folder, name), type } as const
    await expect(mountOf(podWith(source))).rejects.toMatchObject({
      code: 'HOST_PATH_MISMATCH',
      message: expect.stringContaining(message),
    })
  })

  test.each(['DirectoryOrCreate', 'FileOrCreate'])('a hostPath of type %s is made', async (type) => {
    const path = join(folder, 'made')
    await mountOf(podWith({ kind: 'hostPath', path, type }))
    expect((await stat(path)).isDirectory()).toBe(type === 'DirectoryOrCreate')
  })

  test('a mount without its volume is refused by name', async () => {
    const pod = { ...podWith(emptyDir), volumes: [] }
    await expect(mountOf(pod)).rejects.toMatchObject({ message: expect.stringContaining('no volume v') })
  })

  test('removal leaves nothing, and other pods alone', async () => {
    const volumes = openVolumes()
    const other = buildPod('other')
    await volumes.prepare(podWith(emptyDir))
    await volumes.prepare(other)
    expect([...(await volumes.uids())].sort()).toEqual(['uid-other', 'uid-web'])
    await volumes.removeByUid('uid-web')
    expect(await volumes.uids()).toEqual(['uid-other'])
    expect(await readdir(join(folder, 'logs'))).toEqual(['default_other_uid-other'])
  })
})
