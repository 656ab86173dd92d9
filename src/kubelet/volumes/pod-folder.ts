import { join } from 'node:path'
import { type ObjectName, splitObjectName } from '../../model/object-name.ts'
import type { Volume } from '../../model/pod.ts'

/** Where pods' files are kept: absolute folders. */
export interface PodPlaces {
  readonly stateDir: string
  /** Of containers' logs: those who collect them look in one place, whoever the kubelet is. */
  readonly logsDir: string
}

/**
 * Where everything of one pod lies on disk. The paths are those of upstream's kubelet below its `--root-dir` and
 * `podLogsDir`: given the same two folders, either goes on with the volumes and logs of the other's pods.
 */
export interface PodFolder {
  /** Removed with the pod, with all below it. */
  readonly root: string
  readonly volumes: string
  readonly hosts: string
  readonly containers: string
  /** Beside the root, under a name that people find. */
  readonly logs: string
}

export function podFolder({ stateDir, logsDir }: PodPlaces, name: ObjectName, uid: string): PodFolder {
  const root = join(stateDir, 'pods', uid)
  const { namespace, name: pod } = splitObjectName(name)
  return {
    root,
    volumes: join(root, 'volumes'),
    hosts: join(root, 'etc-hosts'),
    containers: join(root, 'containers'),
    logs: join(logsDir, `${namespace}_${pod}_${uid}`),
  }
}

/** The folder of a volume that has one of its own, by the name of its plugin: `kubernetes.io~empty-dir/cache`. */
export function volumeFolder(folder: PodFolder, { name, source }: Volume): string {
  const plugin = source.kind === 'files' ? source.plugin : 'empty-dir'
  return join(folder.volumes, `kubernetes.io~${plugin}`, name)
}

/** Where a part of a volume is shown for one mount of a container, by its place in the list of them. */
export const subPathTarget = (folder: PodFolder, volume: string, container: string, index: number): string =>
  join(folder.root, 'volume-subpaths', volume, container, String(index))

/** One file a run: the next one begins empty, and the last one's can still be read. */
export const terminationFile = (folder: PodFolder, container: string, attempt: number): string =>
  join(folder.containers, container, String(attempt))

/** Relative to the pod's log folder, as CRI wants it. */
export const logFile = (container: string, attempt: number): string => join(container, `${attempt}.log`)
