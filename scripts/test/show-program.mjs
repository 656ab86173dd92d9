import { spawn } from 'node:child_process'
import { isKept, say } from './output.mjs'

/** A program that ignores SIGTERM for this long gets SIGKILL. */
const patience = 20_000

/**
 * Runs a program whose output is for the reader, and ends it when it takes too long: a test run must come to its end
 * whatever hangs.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{cwd: string, minutes: number, env?: NodeJS.ProcessEnv}} options
 * @returns {Promise<{ok: boolean, reason: string}>} reason: how it ended, for a sentence
 */
export function showProgram(program, args, { cwd, minutes, env }) {
  return new Promise((resolve) => {
    const out = isKept() ? 'pipe' : 'inherit'
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', out, out] })
    child.stdout?.on('data', say)
    child.stderr?.on('data', say)
    let late = false
    const end = setTimeout(() => {
      late = true
      child.kill('SIGTERM')
    }, minutes * 60_000)
    const force = setTimeout(() => child.kill('SIGKILL'), minutes * 60_000 + patience)
    const finish = (ok, reason) => {
      clearTimeout(end)
      clearTimeout(force)
      resolve({ ok, reason })
    }
    child.on('error', (error) => finish(false, `could not start: ${error.message}`))
    child.on('close', (status, signal) => {
      if (late) finish(false, `took longer than ${minutes} minutes`)
      else finish(status === 0, `ended with ${status ?? signal}`)
    })
  })
}
