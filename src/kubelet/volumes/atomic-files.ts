import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'

const DATA = '..data'

export interface WrittenFile {
  readonly content: string | Uint8Array
  readonly mode: number
  /** Undefined: root. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined
}

/**
 * Makes `folder` show exactly `files` (by relative path), all of them at one moment: content lies in a hidden
 * folder of its own, `..data` is a link to it, and every visible name is a link through `..data`. Replacing that one
 * link replaces them all, so that a reader sees the old set or the new one (as Kubernetes' own volumes behave).
 * Leaves everything alone when nothing changed, so that a mounted file keeps its identity.
 */
export async function writeFilesAtomically(
  folder: string,
  files: ReadonlyMap<string, WrittenFile>,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const before = await readlink(join(folder, DATA)).catch(() => undefined)
  if (before !== undefined && (await holdsExactly(join(folder, before), files))) return

  const fresh = `..${process.hrtime.bigint()}`
  await mkdir(join(folder, fresh), { mode: 0o755 })
  for (const [path, { content, mode, owner }] of files) {
    const file = join(folder, fresh, path)
    await mkdir(dirname(file), { recursive: true, mode: 0o755 })
    await writeFile(file, content)
    if (owner !== undefined) await chown(file, owner.uid, owner.gid)
    // Not through writeFile, which the umask would have a say in.
    await chmod(file, mode)
  }
  await replaceLink(join(folder, DATA), fresh)
  await showNames(folder, new Set([...files.keys()].map(topLevel)))
  await removeOthers(folder, fresh)
}

const topLevel = (path: string): string => path.split('/', 1)[0] ?? path

async function holdsExactly(folder: string, files: ReadonlyMap<string, WrittenFile>): Promise<boolean> {
  const there = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  if (there.filter((entry) => entry.isFile()).length !== files.size) return false
  for (const [path, { content, mode, owner }] of files) {
    const file = join(folder, path)
    const [bytes, stats] = await Promise.all([
      readFile(file).catch(() => undefined),
      lstat(file).catch(() => undefined),
    ])
    if (bytes === undefined || stats === undefined) return false
    if (stats.uid !== (owner?.uid ?? 0) || stats.gid !== (owner?.gid ?? 0)) return false
    if ((stats.mode & 0o7777) !== mode || !bytes.equals(Buffer.from(content))) return false
  }
  return true
}

/** rename(2) replaces a link in one step; symlink(2) cannot. */
async function replaceLink(link: string, target: string): Promise<void> {
  const temporary = `${link}_tmp`
  await rm(temporary, { force: true })
  await symlink(target, temporary)
  await rename(temporary, link)
}

async function showNames(folder: string, names: ReadonlySet<string>): Promise<void> {
  const visible = (await readdir(folder)).filter((name) => !name.startsWith('..'))
  for (const name of visible) if (!names.has(name)) await rm(join(folder, name), { recursive: true })
  for (const name of names) if (!visible.includes(name)) await symlink(join(DATA, name), join(folder, name))
}

/** Hidden folders of former contents, one left half-written by a crash included. */
async function removeOthers(folder: string, current: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith('..') && name !== DATA && name !== current) {
      await rm(join(folder, name), { recursive: true, force: true })
    }
  }
}
