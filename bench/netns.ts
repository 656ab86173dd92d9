import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { BenchError } from './error.ts'
import type { Teardown } from './teardown.ts'

const execute = promisify(execFile)

/** Where iproute2 keeps named network namespaces. */
const namedNetnsFolder = '/var/run/netns'

/** Makes a network namespace of this run's own with `lo` up, and returns its path; `teardown` removes it. */
export async function freshNetns(teardown: Teardown): Promise<string> {
  const name = `hw-bench-${randomBytes(4).toString('hex')}`
  await ip('netns', 'add', name)
  teardown.add(() => ip('netns', 'delete', name))
  await ip('-n', name, 'link', 'set', 'lo', 'up')
  return `${namedNetnsFolder}/${name}`
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
