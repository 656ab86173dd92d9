import { existsSync } from 'node:fs'
import { chmod, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Mount, MountPropagation } from '../../gen/runtime.ts'
import type { ConfigLookup } from '../../model/config-object.ts'
import { type ObjectName, objectName } from '../../model/object-name.ts'
import type { Container, Pod, ResourceAmounts, Volume, VolumeMount, VolumeSource } from '../../model/pod.ts'
import type { IpAddress } from '../../util/address.ts'
import { errorMessage } from '../../util/error-message.ts'
import { unmountAllUnder } from '../host/mounts.ts'
import { writeFilesAtomically } from './atomic-files.ts'
import { prepareEmptyDir, prepareMemory } from './empty-dir.ts'
import { prepareHostPath } from './host-path.ts'
import { hostsFile } from './hosts-file.ts'
import { readLogEnd, readMessage } from './last-words.ts'
import {
  logFile,
  type PodFolder,
  type PodPlaces,
  podFolder,
  subPathTarget,
  terminationFile,
  volumeFolder,
} from './pod-folder.ts'
import { projectedFiles } from './projected-files.ts'
import { bindSubPath, expandSubPath } from './sub-path.ts'
import type { TokenPart, TokenSource } from './token-source.ts'
import { VolumeError } from './volume-error.ts'

export interface PodVolumesOptions {
  readonly places: PodPlaces
  readonly config: ConfigLookup
  /** What the node has for pods. */
  readonly node: ResourceAmounts
  /** Undefined where there is no API server to give any out. */
  readonly tokens: TokenSource | undefined
  /** Of names of pods in the cluster's DNS. */
  readonly clusterDomain: string
}

/** What is particular to one run of a container. */
export interface MountingRun {
  readonly attempt: number
  readonly podIPs: readonly IpAddress[]
  readonly environment: ReadonlyMap<string, string>
}

type FilesSource = Extract<VolumeSource, { kind: 'files' }>

/** Makes, changes, shows and removes what pods keep on disk. Nothing is remembered: the disk says what is there. */
export class PodVolumes {
  readonly #places: PodPlaces
  readonly #config: ConfigLookup
  readonly #node: ResourceAmounts
  readonly #tokens: TokenSource | undefined
  readonly #clusterDomain: string

  constructor({ places, config, node, tokens, clusterDomain }: PodVolumesOptions) {
    this.#places = places
    this.#config = config
    this.#node = node
    this.#tokens = tokens
    this.#clusterDomain = clusterDomain
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

  /** The mounts of one container, its files made. Throws a {@link VolumeError}. */
  async mountsFor(pod: Pod, container: Container, run: MountingRun): Promise<Mount[]> {
    const folder = this.folderOf(pod)
    const mounts: Mount[] = []
    for (const [index, mount] of container.volumeMounts.entries()) {
      const shown = (volume: string) => subPathTarget(folder, volume, container.name, index)
      mounts.push(await this.#volumeMount(pod, mount, run.environment, shown))
    }
    const termination = terminationFile(folder, container.name, run.attempt)
    await mkdir(dirname(termination), { recursive: true, mode: 0o755 })
    // The runtime would make a missing one a folder.
    await createFile(termination, 0o666)
    mounts.push(plainMount(container.terminationMessage.path, termination))
    const hasOwnHosts = container.volumeMounts.some(({ mountPath }) => mountPath === '/etc/hosts')
    if (!hasOwnHosts) {
      await this.#writeHosts(pod, folder, run.podIPs)
      mounts.push(plainMount('/etc/hosts', folder.hosts))
    }
    return mounts
  }

  /** What an ended container left to say; empty when it is nothing. */
  async terminationMessage(
    pod: { name: ObjectName; uid: string },
    run: { readonly name: string; readonly attempt: number; readonly terminationLog?: string },
    fallsBackToLogs: boolean,
  ): Promise<string> {
    const folder = this.folderOf(pod)
    const { name, attempt } = run
    const message = await readMessage(run.terminationLog ?? terminationFile(folder, name, attempt))
    if (message !== '' || !fallsBackToLogs) return message
    return readLogEnd(join(folder.logs, logFile(name, attempt)))
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

  /** A new sandbox brings a new address; else the mounted file is left alone. */
  async #writeHosts(pod: Pod, folder: PodFolder, podIPs: readonly IpAddress[]): Promise<void> {
    const ofNode = pod.hostNetwork ? await readFile('/etc/hosts', 'utf8').catch(() => '') : ''
    const text = hostsFile(pod, { podIPs, clusterDomain: this.#clusterDomain, ofNode })
    const before = await readFile(folder.hosts, 'utf8').catch(() => undefined)
    if (before === text) return
    await writeFile(folder.hosts, text)
    // Not through writeFile, which the umask would have a say in.
    await chmod(folder.hosts, 0o644)
  }

  async #prepareVolume(pod: Pod, folder: PodFolder, volume: Volume): Promise<void> {
    const { name, source } = volume
    const path = volumeFolder(folder, volume)
    try {
      switch (source.kind) {
        case 'hostPath':
          return await prepareHostPath(source.path, source.type)
        case 'emptyDir':
          return await prepareEmptyDir(path, source, pod, this.#node.memoryBytes)
        case 'files':
          return await this.#writeFiles(pod, path, source)
      }
    } catch (error) {
      const code = error instanceof VolumeError ? error.code : 'VOLUME_FAILED'
      throw new VolumeError(code, `MountVolume.SetUp failed for volume "${name}" : ${errorMessage(error)}`, {
        cause: error,
      })
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

  async #volumeMount(
    pod: Pod,
    mount: VolumeMount,
    environment: MountingRun['environment'],
    shown: (volume: string) => string,
  ): Promise<Mount> {
    const volume = pod.volumes.find(({ name }) => name === mount.volume)
    if (volume === undefined) {
      const message = `mount ${mount.mountPath}: the pod has no volume ${mount.volume} (add it to spec.volumes)`
      throw new VolumeError('VOLUME_FAILED', message)
    }
    const { source } = volume
    const base = source.kind === 'hostPath' ? source.path : volumeFolder(this.folderOf(pod), volume)
    const path = mount.subPathExpr === '' ? mount.subPath : expandSubPath(mount.subPathExpr, environment)
    const hostPath = path === '' ? base : shown(volume.name)
    if (path !== '') await bindSubPath({ base, path, kind: source.kind }, hostPath)
    // What the node writes, containers may not (core/v1 ConfigMapVolumeSource and its like).
    const readonly = mount.readOnly || source.kind === 'files'
    const propagation = PROPAGATION[mount.propagation]
    return { containerPath: mount.mountPath, hostPath, readonly, propagation }
  }
}

const PROPAGATION = {
  None: MountPropagation.PROPAGATION_PRIVATE,
  HostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  Bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
}

const plainMount = (containerPath: string, hostPath: string): Mount => ({
  containerPath,
  hostPath,
  readonly: false,
  propagation: MountPropagation.PROPAGATION_PRIVATE,
})

/** Names of namespaces and pods hold no underscore. */
const uidInLogFolder = (folder: string): string => folder.split('_').slice(2).join('_')

async function createFile(path: string, mode: number): Promise<void> {
  await (await open(path, 'a')).close()
  await chmod(path, mode)
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
