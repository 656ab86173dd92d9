import { spawn } from 'node:child_process'
import { Failure } from './failure.mjs'

/**
 * Runs a program to its end, keeping what it writes (both streams, in order of arrival) instead of showing it.
 * Throws a Failure with that output when it cannot start or ends with anything but 0.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, remedy?: string}} [options]
 * @returns {Promise<string>} the output
 */
export async function runProgram(program, args, { cwd, env, remedy } = {}) {
  const { output, status, error } = await tryProgram(program, args, { cwd, env })
  if (status === 0) return output
  const command = [program, ...args].join(' ')
  const reason = error ? error.message : `ended with ${status}`
  throw new Failure('HAWSER_PROGRAM_FAILED', `${command}: ${reason}`, { output, remedy })
}

/**
 * As runProgram, for a caller to whom failure is an answer.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{cwd?: string | undefined, env?: NodeJS.ProcessEnv | undefined}} [options]
 * @returns {Promise<{output: string, status: number | string, error?: Error}>} status: exit code or signal name
 */
export function tryProgram(program, args, { cwd, env } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text
      })
    }
    child.on('error', (error) => resolve({ output, status: 127, error }))
    child.on('close', (code, signal) => resolve({ output, status: code ?? signal ?? 'an unknown end' }))
  })
}
