import { execFile } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { isAlive, type ProcessId, processOf } from '../../../src/kubelet/host/processes.ts'
import { MACHINE_NOTE, type MachinePlace, NodeMachine } from './node-machine.ts'

/** Every cluster's folder is called so, in the folder for temporary files. */
export const FOLDER_PREFIX = 'hw-cluster-'
const RUN_NOTE = 'run.json'

/** What the next run has to know of one that was killed. */
interface RunNote {
  readonly process: ProcessId
  /** Path of the control plane's network namespace. */
  readonly netns: string
}

/** Notes in a cluster's folder whose it is. */
export async function noteRun(folder: string, netns: string): Promise<void> {
  await writeFile(join(folder, RUN_NOTE), JSON.stringify({ process: await processOf(process.pid), netns }))
}

/**
 * Takes away what clusters with a network have left whose process was killed: their programs died with it, but pods,
 * their runtime and namespaces did not. Resolves to the folders of those.
 */
export async function removeFormerRuns(): Promise<readonly string[]> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(FOLDER_PREFIX))
  const removed: string[] = []
  for (const folder of names.map((name) => join(tmpdir(), name))) {
    const note = await readNote<RunNote>(join(folder, RUN_NOTE))
    if (note === undefined || (await isAlive(note.process))) continue
    await removeRun(folder, note)
    removed.push(folder)
  }
  return removed
}

async function removeRun(folder: string, { netns }: RunNote): Promise<void> {
  // Ours now: another start at the same time leaves it alone.
  await noteRun(folder, netns)
  const entries = await readdir(folder)
  const notes = await Promise.all(
    entries.map((name) => readNote<MachinePlace>(join(folder, name, MACHINE_NOTE))),
  )
  const machines = notes.filter((place) => place !== undefined)
  for (const place of machines) await (await NodeMachine.start(place)).dispose()
  for (const path of [...machines.map((place) => place.netns), netns])
    await promisify(execFile)('ip', ['netns', 'del', basename(path)])
  await rm(folder, { recursive: true, force: true })
}

/** As this module and its neighbour wrote it; undefined when nobody did. */
async function readNote<Note>(file: string): Promise<Note | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as Note)
}
