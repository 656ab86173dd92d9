import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { BenchError } from '../error.ts'
import type { Teardown } from '../teardown.ts'
import type { Generator } from './generator.ts'

/** Events a second at the first attempt; each next one is half as fast again. */
export const FIRST_RATE = 5000
const STEP = 1.5
const READY_MS = 5000
const NETLINK_NETFILTER = '12'

/** The fastest generation of which `conntrack -E` lost no event, with the buffer that the addon has. */
export async function measureConntrackE(
  generator: Generator,
  options: {
    readonly netns: string
    readonly services: number
    readonly seconds: number
    readonly bufferBytes: number
    readonly limit: number
  },
  teardown: Teardown,
): Promise<number> {
  let survived = 0
  for (let rate = FIRST_RATE; rate < options.limit; rate = Math.round(rate * STEP)) {
    const listener = await listen(options.netns, options.bufferBytes, teardown)
    const { perSecond } = await generator.churn(rate, options.seconds, options.services)
    if ((await listener.end()) > 0) return survived
    survived = perSecond
  }
  return survived
}

/** Runs `conntrack -L` once, its output thrown away; returns milliseconds. */
export async function timeConntrackL(netns: string, teardown: Teardown): Promise<number> {
  const began = performance.now()
  const child = spawn('nsenter', [`--net=${netns}`, 'conntrack', '-L'], { stdio: 'ignore' })
  const kill = teardown.add(() => {
    child.kill('SIGKILL')
  })
  const [code] = await once(child, 'close')
  await kill()
  if (code !== 0)
    throw new BenchError('BENCH_FAILED', `conntrack -L ended with ${code} (is conntrack installed?)`)
  return performance.now() - began
}

/** A `conntrack -E` that listens by now; `end` says how many events the kernel could not give it. */
async function listen(
  netns: string,
  bufferBytes: number,
  teardown: Teardown,
): Promise<{ end(): Promise<number> }> {
  const flags = ['-E', '-e', 'NEW,DESTROY', '-b', String(bufferBytes)]
  const child = spawn('nsenter', [`--net=${netns}`, 'conntrack', ...flags], { stdio: 'ignore' })
  const kill = teardown.add(() => {
    child.kill('SIGKILL')
  })
  const closed = once(child, 'close')
  await listening(child.pid)
  return {
    async end() {
      const dropped = await listening(child.pid)
      child.kill('SIGINT')
      await closed
      await kill()
      return dropped
    },
  }
}

/**
 * Waits until a netlink socket in the namespace of a process is in a multicast group, and returns its drops:
 * conntrack says nothing when it listens, and little when it loses events.
 */
async function listening(pid: number | undefined): Promise<number> {
  const deadline = performance.now() + READY_MS
  while (performance.now() < deadline) {
    const sockets = await readFile(`/proc/${pid}/net/netlink`, 'utf8').catch(() => '')
    // Columns: sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode, under a line of their names.
    for (const line of sockets.split('\n').slice(1)) {
      const [, protocol, , groups = '0', , , , , drops] = line.split(/\s+/)
      if (protocol === NETLINK_NETFILTER && Number.parseInt(groups, 16) !== 0) return Number(drops)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new BenchError('BENCH_FAILED', 'conntrack -E does not listen (is conntrack installed?)')
}
