import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { BenchError } from './error.ts'
import type { Teardown } from './teardown.ts'

/** Where iproute2 keeps named network namespaces. */
const namedNetnsFolder = '/var/run/netns'

/** A network namespace of this run's own. */
export interface FreshNetns {
  readonly name: string
  readonly path: string
  /** Runs a command in it; rejects with a BenchError `BENCH_FAILED` that has the command's own words. */
  run(command: string, ...args: readonly string[]): Promise<void>
  remove(): Promise<void>
}

/** Makes a network namespace with `lo` up; `teardown` removes it unless that has happened before. */
export async function freshNetns(teardown: Teardown): Promise<FreshNetns> {
  const name = `hw-bench-${randomBytes(4).toString('hex')}`
  const path = `${namedNetnsFolder}/${name}`
  const added = execute('ip', 'netns', 'add', name)
  const remove = teardown.add(() =>
    added.then(
      () => execute('ip', 'netns', 'delete', name),
      () => undefined,
    ),
  )
  await added
  const run = (command: string, ...args: readonly string[]): Promise<void> =>
    execute('nsenter', `--net=${path}`, command, ...args)
  await run('ip', 'link', 'set', 'lo', 'up')
  return { name, path, run, remove }
}

async function execute(command: string, ...args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(command, args)
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error)
    throw new BenchError('BENCH_FAILED', `${reason} (benchmarks need root and iproute2)`, error)
  }
}
