import { existsSync } from 'node:fs'
import { chmod, mkdir, open, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative } from 'node:path'
import type { Mount } from '../../gen/runtime.ts'
import type { ConfigLookup } from '../../model/config-object.ts'
import { type ObjectName, objectName } from '../../model/object-name.ts'
import type { Container, Pod, ResourceAmounts, Volume, VolumeMount, VolumeSource } from '../../model/pod.ts'
import { errorMessage } from '../../util/error-message.ts'
import { mountTmpfs, unmountAllUnder } from '../host/mounts.ts'
import { writeFilesAtomically } from './atomic-files.ts'
import { prepareHostPath } from './host-path.ts'
import { type PodFolder, type PodPlaces, podFolder, terminationFile, volumeFolder } from './pod-folder.ts'
import { projectedFiles } from './projected-files.ts'
import type { TokenPart, TokenSource } from './token-source.ts'
import { VolumeError } from './volume-error.ts'

const TERMINATION_LOG = '/dev/termination-log'
/** Beyond it a termination message is cut (the API's own limit). */
const TERMINATION_BYTES = 4096

export interface PodVolumesOptions {
  readonly places: PodPlaces
  readonly config: ConfigLookup
  /** All that the node has. */
  readonly node: ResourceAmounts
  /** Undefined where there is no API server to give any out. */
  readonly tokens: TokenSource | undefined
}

type FilesSource = Extract<VolumeSource, { kind: 'files' }>

/** Makes, changes, shows and removes what pods keep on disk. Nothing is remembered: the disk says what is there. */
export class PodVolumes {
  readonly #places: PodPlaces
  readonly #config: ConfigLookup
  readonly #node: ResourceAmounts
  readonly #tokens: TokenSource | undefined

  constructor({ places, config, node, tokens }: PodVolumesOptions) {
    this.#places = places
    this.#config = config
    this.#node = node
    this.#tokens = tokens
  }

  folderOf(pod: { readonly name: ObjectName; readonly uid: string }): PodFolder {
    return podFolder(this.#places, pod.name, pod.uid)
  }

  /** Brings every volume of the pod to what it should be now. Harmless when repeated. Throws a {@link VolumeError}. */
  async prepare(pod: Pod): Promise<void> {
    const folder = this.folderOf(pod)
    for (const path of [folder.root, folder.logs]) await mkdir(path, { recursive: true, mode: 0o750 })
    await mkdir(folder.volumes, { recursive: true, mode: 0o755 })
    await Promise.all(pod.volumes.map((volume) => this.#prepareVolume(pod, folder, volume)))
  }

  /** The mounts of one container of a pod that has this address, its files made. Throws a {@link VolumeError}. */
  async mountsFor(
    pod: Pod,
    container: Container,
    attempt: number,
    address: string | undefined,
  ): Promise<Mount[]> {
    const folder = this.folderOf(pod)
    const mounts: Mount[] = []
    for (const mount of container.volumeMounts) mounts.push(await this.#volumeMount(pod, folder, mount))
    const termination = terminationFile(folder, container.name, attempt)
    await mkdir(dirname(termination), { recursive: true, mode: 0o755 })
    // The runtime would make a missing one a folder.
    await createFile(termination, 0o666)
    mounts.push({ containerPath: TERMINATION_LOG, hostPath: termination, readonly: false })
    const hasOwnHosts = container.volumeMounts.some(({ mountPath }) => mountPath === '/etc/hosts')
    if (!pod.hostNetwork && !hasOwnHosts) {
      await this.#writeHosts(pod, folder, address)
      mounts.push({ containerPath: '/etc/hosts', hostPath: folder.hosts, readonly: false })
    }
    return mounts
  }

  /** What an ended container left to say; empty when it is nothing. */
  async terminationMessage(
    pod: { name: ObjectName; uid: string },
    container: string,
    attempt: number,
  ): Promise<string> {
    const file = terminationFile(this.folderOf(pod), container, attempt)
    const bytes = await readFile(file).catch(() => Buffer.alloc(0))
    return bytes.subarray(0, TERMINATION_BYTES).toString('utf8')
  }

  /** Removes everything of the pod. What is still mounted is unmounted first, never deleted through. */
  async remove(pod: { name: ObjectName; uid: string }): Promise<void> {
    const folder = this.folderOf(pod)
    await unmountAllUnder(folder.root)
    this.#tokens?.forget(pod.uid)
    // The root goes last: what it stands for is found again when this is cut short.
    await rm(folder.logs, { recursive: true, force: true })
    await rm(folder.root, { recursive: true, force: true })
  }

  /** UIDs of the pods that have something on disk. Logs alone are not ours to judge: others keep theirs there too. */
  uids(): Promise<readonly string[]> {
    return readdir(join(this.#places.stateDir, 'pods')).catch(() => [])
  }

  /** Whether the pod has something on disk. */
  has(uid: string): boolean {
    return existsSync(join(this.#places.stateDir, 'pods', uid))
  }

  /** As {@link remove}, for a pod whose name nobody knows any more. */
  async removeByUid(uid: string): Promise<void> {
    const logs = await readdir(this.#places.logsDir).catch(() => [])
    const name = logs.find((folder) => uidInLogFolder(folder) === uid)
    const [namespace = '', pod = ''] = name?.split('_') ?? []
    await this.remove({ name: objectName(namespace, pod), uid })
  }

  /** The names a pod knows by itself. A new sandbox brings a new address; else the mounted file is left alone. */
  async #writeHosts(pod: Pod, folder: PodFolder, address: string | undefined): Promise<void> {
    const text = HOSTS + (address === undefined ? '' : `${address}\t${pod.hostname}\n`)
    const before = await readFile(folder.hosts, 'utf8').catch(() => undefined)
    if (before !== text) await writeFile(folder.hosts, text, { mode: 0o644 })
  }

  async #prepareVolume(pod: Pod, folder: PodFolder, volume: Volume): Promise<void> {
    const { name, source } = volume
    const path = volumeFolder(folder, volume)
    try {
      switch (source.kind) {
        case 'hostPath':
          return await prepareHostPath(source.path, source.type)
        case 'emptyDir':
          return await prepareEmptyDir(path, source)
        case 'files':
          return await this.#writeFiles(pod, path, source)
      }
    } catch (error) {
      const code = error instanceof VolumeError ? error.code : 'VOLUME_FAILED'
      throw new VolumeError(code, `volume ${name}: ${errorMessage(error)}`, { cause: error })
    }
  }

  async #writeFiles(pod: Pod, path: string, source: FilesSource): Promise<void> {
    const before = await exists(join(path, '..data'))
    const tokens = await this.#tokensOf(pod, source)
    let files: ReturnType<typeof projectedFiles>
    try {
      files = projectedFiles(source, pod, { config: this.#config, node: this.#node, tokens })
    } catch (error) {
      // A ConfigMap or Secret that is deleted takes nothing away from the pods that show it.
      if (before && error instanceof VolumeError && error.code === 'CONFIG_MISSING') return
      throw error
    }
    if (source.medium === 'memory') await prepareMemory(path, undefined)
    await writeFilesAtomically(path, files)
  }

  async #tokensOf(pod: Pod, { parts }: FilesSource): Promise<ReadonlyMap<TokenPart, string>> {
    const tokens = new Map<TokenPart, string>()
    for (const part of parts) {
      if (part.kind !== 'token') continue
      if (this.#tokens === undefined)
        throw new Error(
          `${part.path}: there is no API server to give out a token (remove serviceAccountToken)`,
        )
      tokens.set(part, await this.#tokens.token(pod, part))
    }
    return tokens
  }

  async #volumeMount(pod: Pod, folder: PodFolder, mount: VolumeMount): Promise<Mount> {
    const volume = pod.volumes.find(({ name }) => name === mount.volume)
    if (volume === undefined) {
      const message = `mount ${mount.mountPath}: the pod has no volume ${mount.volume} (add it to spec.volumes)`
      throw new VolumeError('VOLUME_FAILED', message)
    }
    const { source } = volume
    const base = source.kind === 'hostPath' ? source.path : volumeFolder(folder, volume)
    const hostPath = mount.subPath === '' ? base : await resolveSubPath(base, mount.subPath, source.kind)
    // What the node writes, containers may not (core/v1 ConfigMapVolumeSource and its like).
    const readonly = mount.readOnly || source.kind === 'files'
    return { containerPath: mount.mountPath, hostPath, readonly }
  }
}

/** Names of namespaces and pods hold no underscore. */
const uidInLogFolder = (folder: string): string => folder.split('_').slice(2).join('_')

const HOSTS = `# Managed by Hawser.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`

async function prepareEmptyDir(
  path: string,
  { medium, sizeBytes }: { medium: 'disk' | 'memory'; sizeBytes: number | undefined },
): Promise<void> {
  if (medium === 'memory') {
    await prepareMemory(path, sizeBytes)
  } else if (!(await exists(path))) {
    await mkdir(path, { recursive: true })
    // Any user of the pod may write; mkdir's own mode would be cut by the umask.
    await chmod(path, 0o777)
  }
}

async function prepareMemory(path: string, sizeBytes: number | undefined): Promise<void> {
  await mkdir(path, { recursive: true })
  if (!(await isMountPoint(path))) await mountTmpfs(path, sizeBytes)
}

/** The part of a volume that is mounted, made where it is missing. Whatever leads out of the volume is refused. */
async function resolveSubPath(base: string, subPath: string, kind: string): Promise<string> {
  const outside = `subPath ${subPath} leads out of the volume (correct it, or remove the link in the volume)`
  if (isAbsolute(subPath) || subPath.split('/').includes('..')) {
    throw new VolumeError('SUB_PATH_OUTSIDE', outside)
  }
  const root = await realpath(base)
  const wanted = join(root, subPath)
  let there = wanted
  while (!(await exists(there))) there = dirname(there)
  const resolved = await realpath(there)
  if (resolved !== root && !resolved.startsWith(`${root}/`)) {
    throw new VolumeError('SUB_PATH_OUTSIDE', outside)
  }
  if (there === wanted) return resolved
  if (kind === 'files') {
    const message = `subPath ${subPath} is no file of the volume (add the key, or mount the whole volume)`
    throw new VolumeError('CONFIG_MISSING', message)
  }
  const made = join(resolved, relative(there, wanted))
  await mkdir(made, { recursive: true, mode: 0o777 })
  return made
}

async function createFile(path: string, mode: number): Promise<void> {
  await (await open(path, 'a')).close()
  await chmod(path, mode)
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** A mount point lies on another device than the folder around it. */
async function isMountPoint(path: string): Promise<boolean> {
  const [inside, around] = await Promise.all([stat(path), stat(dirname(path))])
  return inside.dev !== around.dev
}
