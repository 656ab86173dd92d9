import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished, vi } from 'vitest'

const PAUSE = fileURLToPath(new URL('../../build/pause', import.meta.url))

/** Host process IDs of a process's children, dead ones included until they are collected. */
function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}

/** True once it is pause and sleeps, which it does only for signals; earlier ones are lost on a first process. */
const isWaiting = (pid: number): boolean =>
  readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(PAUSE) &&
  /^State:\s*S/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

/** Runs pause as the first process of a process namespace, as a pod does. */
async function startPause(): Promise<{ unshare: ChildProcess; pid: number }> {
  const unshare = spawn('unshare', ['--pid', '--fork', '--kill-child', PAUSE], { stdio: 'inherit' })
  onTestFinished(() => void unshare.kill('SIGKILL'))
  const pid = await vi.waitFor(() => {
    const [child] = childrenOf(unshare.pid ?? 0)
    if (child === undefined || !isWaiting(child)) throw new Error('pause has not started')
    return child
  }, 5_000)
  return { unshare, pid }
}

it.each(['SIGTERM', 'SIGINT'] as const)(
  'ends with 0 on %s, as the first process of a namespace',
  async (signal) => {
    const { unshare, pid } = await startPause()
    process.kill(pid, signal)

    expect(await new Promise((resolve) => unshare.once('exit', resolve))).toBe(0)
  },
)

it('collects processes whose parent is gone', async () => {
  const { pid } = await startPause()
  // A process in the namespace, whose parent ends at once: it becomes a child of the first process there.
  spawn('nsenter', [`--target=${pid}`, '--pid', 'sh', '-c', 'sleep 600 & exit'], { stdio: 'ignore' })
  const orphan = await vi.waitFor(() => {
    const [child] = childrenOf(pid)
    if (child === undefined) throw new Error('the orphan has not come to pause')
    return child
  }, 5_000)
  process.kill(orphan, 'SIGKILL')

  await vi.waitFor(() => expect(childrenOf(pid)).toEqual([]), 5_000)
})
