import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { BenchError } from './error.ts'
import type { Teardown } from './teardown.ts'

const execute = promisify(execFile)

/** Where iproute2 keeps named network namespaces. */
const namedNetnsFolder = '/var/run/netns'

/** A network namespace of this run's own. */
export interface FreshNetns {
  readonly path: string
  remove(): Promise<void>
}

/** Makes a network namespace with `lo` up; `teardown` removes it unless that has happened before. */
export async function freshNetns(teardown: Teardown): Promise<FreshNetns> {
  const name = `hw-bench-${randomBytes(4).toString('hex')}`
  const added = ip('netns', 'add', name)
  const remove = teardown.add(() =>
    added.then(
      () => ip('netns', 'delete', name),
      () => undefined,
    ),
  )
  await added
  await ip('-n', name, 'link', 'set', 'lo', 'up')
  return { path: `${namedNetnsFolder}/${name}`, remove }
}

async function ip(...args: readonly string[]): Promise<void> {
  try {
    await execute('ip', args)
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error)
    throw new BenchError(
      'BENCH_FAILED',
      `ip ${args.join(' ')}: ${reason} (benchmarks need root and iproute2)`,
      error,
    )
  }
}
