import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/**
 * Runs a program in the foreground as if it had replaced this process: signals reach it, each once, and this process
 * ends as it did, when it did. The program gets a process group of its own, or the terminal would hand it every Ctrl-C
 * beside the one passed on here.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, sameSignalMilliseconds?: number}} [options]
 *   A signal that comes again within `sameSignalMilliseconds` is the same one: Ctrl-C reaches this process from the
 *   terminal and, a few milliseconds later, from npm, which passes on what it got. Who presses it twice takes longer.
 * @returns {Promise<number>} the exit status, 128 + the signal's number when a signal ended it
 */
export function supervise(program, args, { cwd, env, sameSignalMilliseconds = 250 } = {}) {
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'], detached: true })
  const lastSeen = new Map()
  const passOn = (signal) => {
    const now = performance.now()
    const again = now - (lastSeen.get(signal) ?? Number.NEGATIVE_INFINITY) < sameSignalMilliseconds
    lastSeen.set(signal, now)
    if (!again) child.kill(signal)
  }
  // SIGWINCH too: outside the terminal's foreground group the program would not learn that the window changed.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGWINCH']
  for (const signal of signals) process.on(signal, passOn)

  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => {
      for (const name of signals) process.off(name, passOn)
      resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}
