import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError } from '../command-error.ts'

/** A state folder held by this process alone, until it ends in whatever way. */
export interface StateLock {
  release(): Promise<void>
}

/** flock(1) exits with this when somebody else has the lock (`--conflict-exit-code`). */
const conflict = 75

/**
 * Takes the state folder for this process, making the folder where there is none; `flag` is what names it on the command
 * line. Throws a CommandError `STATE_LOCKED` when another process has it.
 */
export async function lockState(folder: string, flag = '--state-dir'): Promise<StateLock> {
  const path = join(folder, 'lock')
  let file: FileHandle
  try {
    await mkdir(folder, { recursive: true, mode: 0o711 })
    file = await open(path, 'a+', 0o600)
  } catch (error) {
    throw new CommandError(
      'STATE_UNUSABLE',
      `the state folder cannot be used: ${error instanceof Error ? error.message : error}`,
      { remedy: `choose another with ${flag}`, cause: error },
    )
  }
  try {
    await flock(file, folder, flag)
    await file.truncate(0)
    await file.write(`${process.pid}\n`)
  } catch (error) {
    await file.close()
    throw error
  }
  return { release: () => file.close() }
}

/**
 * The lock belongs to the open file (flock(2)), not to the process that asks for it: the helper locks what we opened
 * and ends, and the kernel lets go when our descriptor closes, after kill -9 too. Node has no flock of its own.
 */
async function flock(file: FileHandle, folder: string, flag: string): Promise<void> {
  const child = spawn('flock', ['--nonblock', `--conflict-exit-code=${conflict}`, '3'], {
    stdio: ['ignore', 'ignore', 'inherit', file.fd],
  })
  const [status] = await once(child, 'exit').catch((error: unknown) => {
    throw new CommandError(
      'TOOL_MISSING',
      `locking ${folder}: ${error instanceof Error ? error.message : error}`,
      {
        remedy: 'apt-get install util-linux',
        cause: error,
      },
    )
  })
  if (status === 0) return
  if (status === conflict) {
    const owner = (await file.read({ position: 0 })).buffer.toString('utf8').replace(/\0.*$/s, '').trim()
    throw new CommandError('STATE_LOCKED', `process ${owner} runs a node on ${folder}`, {
      remedy: `end it first, or choose another folder with ${flag}`,
    })
  }
  throw new CommandError('STATE_UNUSABLE', `locking ${folder}: flock ended with status ${status}`)
}
