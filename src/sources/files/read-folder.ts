import type { BigIntStats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A file that may have changed: its bytes, or why they cannot be read. */
export interface ReadFile {
  readonly name: string
  readonly signature: string
  readonly bytes: Uint8Array | Error
}

export interface FolderReading {
  /** Manifest files that are there, in the order of their names. */
  readonly names: readonly string[]
  /** Those whose signature is not the known one, or that were named as changed. */
  readonly changed: readonly ReadFile[]
}

const isManifest = (name: string): boolean => /^[^.].*\.(ya?ml|json)$/.test(name)

/** Larger files are no manifests; reading them would only take memory. */
const largestFile = 64 * 2 ** 20

/**
 * Lists the manifests of a folder and reads those that changed. `signatures` are those of the last reading, by name.
 * Throws when the folder itself cannot be listed.
 */
export async function readFolder(
  folder: string,
  signatures: ReadonlyMap<string, string>,
  named: ReadonlySet<string>,
): Promise<FolderReading> {
  const names: string[] = []
  const changed: ReadFile[] = []
  for (const name of (await readdir(folder)).filter(isManifest).sort()) {
    const path = join(folder, name)
    const stats = await statOf(path)
    // Gone again since the listing, or a folder of that name.
    if (stats === undefined || (!(stats instanceof Error) && !stats.isFile())) continue
    names.push(name)
    const signature = stats instanceof Error ? stats.message : signatureOf(stats)
    if (signatures.get(name) === signature && !named.has(name)) continue
    changed.push({ name, signature, bytes: stats instanceof Error ? stats : await read(path, stats.size) })
  }
  return { names, changed }
}

/** A write, a rename over the file and a swapped symbolic link each change one of these. */
const signatureOf = (stats: BigIntStats): string =>
  `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`

async function statOf(path: string): Promise<BigIntStats | Error | undefined> {
  try {
    return await stat(path, { bigint: true })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return 'code' in error && error.code === 'ENOENT' ? undefined : error
  }
}

async function read(path: string, size: bigint): Promise<Uint8Array | Error> {
  if (size > BigInt(largestFile))
    return new Error(`the file has ${size} bytes, more than a manifest can have`)
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
}
