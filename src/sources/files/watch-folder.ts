import { type FSWatcher, statSync, watch } from 'node:fs'

export interface FolderWatch {
  close(): void
}

/** An editor's save is several events (truncate, write, rename): they are taken together. */
const debounceMs = 50

/** Where inotify has nothing to say (network file systems, files behind symbolic links), a look every second. */
const rescanMs = 1000

/**
 * Calls `onChange` with the names of files that changed, and with none for a look at everything. Calls never overlap:
 * the next waits for the promise of the one before. A folder that goes and comes back is watched again.
 */
export function watchFolder(
  folder: string,
  onChange: (names: ReadonlySet<string>) => Promise<void>,
): FolderWatch {
  let watcher: FSWatcher | undefined
  let watchedInode: bigint | undefined
  let debounce: NodeJS.Timeout | undefined
  let running = false
  let closed = false
  let names = new Set<string>()

  const run = async (): Promise<void> => {
    debounce = undefined
    if (closed || running) return
    running = true
    const changed = names
    names = new Set()
    try {
      await onChange(changed)
    } finally {
      running = false
      if (names.size > 0) schedule()
    }
  }
  const schedule = (): void => {
    debounce ??= setTimeout(run, debounceMs)
  }
  const arm = (): void => {
    const inode = inodeOf(folder)
    if (inode === watchedInode) return
    watcher?.close()
    watcher = undefined
    watchedInode = undefined
    if (inode === undefined) return
    try {
      watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name !== null) names.add(name)
        schedule()
      })
      // The rescan notices a folder that is gone, and arms anew.
      watcher.on('error', () => {
        watchedInode = undefined
      })
      watchedInode = inode
    } catch {
      // No inotify instance left (EMFILE): the rescan alone has to do.
    }
  }
  arm()
  const rescan = setInterval(() => {
    arm()
    run()
  }, rescanMs)
  return {
    close() {
      closed = true
      watcher?.close()
      clearTimeout(debounce)
      clearInterval(rescan)
    },
  }
}

function inodeOf(folder: string): bigint | undefined {
  return statSync(folder, { bigint: true, throwIfNoEntry: false })?.ino
}
