import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { eventually } from './eventually.ts'

/** A command on a terminal of its own, which util-linux's `script` makes. */
export class Terminal {
  readonly #child: ChildProcess
  #output = ''

  /** Runs a shell command in a network namespace, with a screen of 80 columns and 24 rows. */
  constructor(netns: string, command: string) {
    const onScreen = `stty cols 80 rows 24; ${command}`
    this.#child = spawn('nsenter', [`--net=${netns}`, 'script', '-qefc', onScreen, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TERM: 'xterm', SHELL: '/bin/sh' },
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text
    })
  }

  /** Everything written so far, control sequences included. */
  get output(): string {
    return this.#output
  }

  /** Types text. */
  type(text: string): void {
    this.#child.stdin?.write(text)
  }

  /** Resolves when the output from `from` on says it. */
  async says(what: string, from = 0): Promise<void> {
    await eventually(async () => (this.#output.includes(what, from) ? true : undefined))
  }

  /** The exit status of the command. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, 'exit')
    return this.#child.exitCode
  }

  /** Ends it where it has not ended by itself. */
  async dispose(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}
