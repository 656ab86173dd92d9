import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { BenchError } from './error.ts'
import type { Teardown } from './teardown.ts'

export interface ChildOptions {
  /** Handed to the child as its one argument, as JSON. */
  readonly input: unknown
  /** Path of the network namespace that the whole child lives in; the caller's own by default. */
  readonly netns?: string
}

/**
 * Runs a compiled module of the benchmark as a process of its own, so that nothing of the harness weighs on what it
 * measures, and returns what it printed on stdout, parsed as JSON. The child's stderr goes to ours.
 */
export async function runChild(module: URL, options: ChildOptions, teardown: Teardown): Promise<unknown> {
  const node = [process.execPath, fileURLToPath(module), JSON.stringify(options.input)]
  const [command = '', ...args] =
    options.netns === undefined ? node : ['nsenter', `--net=${options.netns}`, ...node]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const kill = teardown.add(() => {
    child.kill('SIGKILL')
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const status = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  await kill()
  if (status !== 0)
    throw new BenchError('BENCH_FAILED', `${fileURLToPath(module)} ended with ${status}; its output is above`)
  return JSON.parse(output)
}
