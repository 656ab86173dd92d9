import { join } from 'node:path'
import { type ObjectName, splitObjectName } from '../../model/object-name.ts'

/** Where everything of one pod lies on disk. */
export interface PodFolder {
  /** Removed with the pod, with all below it. */
  readonly root: string
  readonly volumes: string
  readonly hosts: string
  readonly terminationMessages: string
  /** Beside the root, under a name that people find. */
  readonly logs: string
}

export function podFolder(stateDir: string, name: ObjectName, uid: string): PodFolder {
  const root = join(stateDir, 'pods', uid)
  const { namespace, name: pod } = splitObjectName(name)
  return {
    root,
    volumes: join(root, 'volumes'),
    hosts: join(root, 'etc-hosts'),
    terminationMessages: join(root, 'termination'),
    logs: join(stateDir, 'logs', `${namespace}_${pod}_${uid}`),
  }
}

export const volumeFolder = (folder: PodFolder, volume: string): string => join(folder.volumes, volume)

/** One file a run: the next one begins empty, and the last one's can still be read. */
export const terminationFile = (folder: PodFolder, container: string, attempt: number): string =>
  join(folder.terminationMessages, `${container}-${attempt}`)

/** Relative to the pod's log folder, as CRI wants it. */
export const logFile = (container: string, attempt: number): string => join(container, `${attempt}.log`)
