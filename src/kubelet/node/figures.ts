import { readFile, statfs } from 'node:fs/promises'
import { amountIn, nodeWorkingSet, readMemoryInfo } from '../host/memory-info.ts'
import type { FilesystemFigures, NodeFigures } from './pressure.ts'

/** Folders that tell which file systems matter. */
export interface NodeFolders {
  /** Where pods' volumes and logs are. */
  readonly nodefs: string
  /** Where the runtime keeps images; undefined when it does not say. */
  readonly imagefs: string | undefined
}

/** Reads what the node has left: a few small files and two system calls, however full its disks are. */
export async function readFigures({ nodefs, imagefs }: NodeFolders): Promise<NodeFigures> {
  const [memory, filesystems, pids] = await Promise.all([
    readMemoryInfo(),
    Promise.all([
      readFilesystem('nodefs', nodefs),
      ...(imagefs === undefined ? [] : [readFilesystem('imagefs', imagefs)]),
    ]),
    readPids(),
  ])
  return {
    memoryAvailableBytes: amountIn(memory, 'MemTotal') - nodeWorkingSet(memory),
    filesystems,
    pids,
  }
}

async function readFilesystem(kind: FilesystemFigures['kind'], folder: string): Promise<FilesystemFigures> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(folder)
  return {
    kind,
    bytes: blocks * bsize,
    availableBytes: bavail * bsize,
    inodes: files,
    freeInodes: ffree,
  }
}

/** Threads count: each takes a number. /proc/loadavg's fourth field is `runnable/all` (proc_loadavg(5)). */
async function readPids(): Promise<NodeFigures['pids']> {
  const [pidMax, threadsMax, load] = await Promise.all(
    ['/proc/sys/kernel/pid_max', '/proc/sys/kernel/threads-max', '/proc/loadavg'].map((path) =>
      readFile(path, 'utf8'),
    ),
  )
  const [, used] = /\d+\/(\d+)/.exec(load ?? '') ?? []
  return { limit: Math.min(Number(pidMax), Number(threadsMax)), used: Number(used ?? 0) }
}
