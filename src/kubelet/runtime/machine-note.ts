import { readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { readIpForwarding, writeIpForwarding } from '../host/ip-forwarding.ts'

/** Folders outside of its own that containerd, its shims and the CNI library make, children before parents. */
const SHARED_FOLDERS = [
  '/run/containerd/fifo',
  '/run/containerd/s',
  '/run/containerd/runc/k8s.io',
  '/run/containerd/runc',
  '/run/containerd',
  '/var/lib/cni/results',
  '/var/lib/cni',
]

const note = v.object({ ipForwarding: v.string(), absentFolders: v.array(v.string()) })

const fileIn = (folder: string): string => join(folder, 'machine-before.json')

/**
 * Notes how the machine was before a private containerd first ran on it: its network plugin switches address forwarding
 * on, and it makes folders outside of its own. The note outlives a crash; an earlier one stands, for what is found now
 * may already be its doing.
 */
export async function noteMachine(folder: string, netns: string | undefined): Promise<void> {
  if ((await stat(fileIn(folder)).catch(() => undefined)) !== undefined) return
  const there = await Promise.all(SHARED_FOLDERS.map((path) => stat(path).catch(() => undefined)))
  const before: v.InferOutput<typeof note> = {
    ipForwarding: await readIpForwarding(netns),
    absentFolders: SHARED_FOLDERS.filter((_, i) => there[i] === undefined),
  }
  // Whole or not at all: half a note could not be followed.
  await writeFile(`${fileIn(folder)}.new`, JSON.stringify(before))
  await rename(`${fileIn(folder)}.new`, fileIn(folder))
}

/** Makes the machine what the note says that it was, and removes the note. Folders in use by others stay. */
export async function restoreMachine(folder: string, netns: string | undefined): Promise<void> {
  const text = await readFile(fileIn(folder), 'utf8').catch(() => undefined)
  if (text === undefined) return
  const { ipForwarding, absentFolders } = v.parse(note, JSON.parse(text))
  await writeIpForwarding(netns, ipForwarding)
  for (const path of absentFolders) await rmdir(path).catch(() => undefined)
  await rm(fileIn(folder))
}
