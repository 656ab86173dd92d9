import { readFile } from 'node:fs/promises'
import { MountError, mountNew, unmount } from '../../native/mounts.ts'

export interface Mount {
  readonly point: string
  /** File system type (`tmpfs`, `cgroup2`). */
  readonly type: string
  /** What the file system itself was told (`rw`, `memory`), as opposed to this mount of it. */
  readonly options: readonly string[]
}

/** Mounts of a mountinfo file in its own order, which is the order of mounting (proc_pid_mountinfo(5)). */
export function parseMounts(mountinfo: string): readonly Mount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const fields = line.split(' ')
    const point = fields[4]
    // A variable number of optional fields, then a lone hyphen, the type, the source, and options.
    const rest = fields.slice(fields.indexOf('-', 6) + 1)
    const [type, , options = ''] = rest
    if (point === undefined || type === undefined) return []
    return [{ point: unescapeOctal(point), type, options: options.split(',') }]
  })
}

/** Space, tab, newline and backslash are written as `\ooo`. */
const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))

/** Mount points at or below `folder`, deepest and latest first: the order to unmount them in. */
async function mountsUnder(folder: string): Promise<readonly string[]> {
  return parseMounts(await readFile('/proc/self/mountinfo', 'utf8'))
    .map(({ point }) => point)
    .filter((point) => point === folder || point.startsWith(`${folder}/`))
    .reverse()
}

/** Unmounts everything at or below `folder`. Throws a MountError for what stays. */
export async function unmountAllUnder(folder: string): Promise<void> {
  for (const point of await mountsUnder(folder)) {
    try {
      await unmount(point)
    } catch (error) {
      // Somebody else was quicker.
      if (!(error instanceof MountError) || error.code !== 'EINVAL') throw error
    }
  }
}

/** Mounts a tmpfs of at most `sizeBytes` (undefined: the kernel's default, half of the memory). */
export async function mountTmpfs(target: string, sizeBytes: number | undefined): Promise<void> {
  const options = ['mode=0777', ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`])]
  await mountNew('tmpfs', target, options.join(','))
}
