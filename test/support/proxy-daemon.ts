import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { StatusReport } from '../../src/cli/control/status-report.ts'
import type { Netns } from './netns.ts'

/** The compiled command; another build can be tested. */
const main = resolve(process.env.HAWSER_COMMAND ?? 'dist/src/cli/main.js')

/** `hawser proxy` on a folder of a test's own in a network namespace, started and ended as often as the test wants. */
export class ProxyDaemon {
  readonly folder: string
  readonly #root: string
  readonly #netns: Netns
  readonly #under: readonly string[]
  #child: ChildProcess | undefined
  #said = ''

  private constructor(root: string, netns: Netns, under: readonly string[]) {
    this.#root = root
    this.#under = under
    this.folder = join(root, 'manifests')
    this.#netns = netns
  }

  /** `under`: the program, with its arguments, that runs the daemon; none by default. */
  static async create(netns: Netns, under: readonly string[] = []): Promise<ProxyDaemon> {
    if (!existsSync(main)) throw new Error('these tests run the compiled command: npm run build first')
    const daemon = new ProxyDaemon(await mkdtemp(join(tmpdir(), 'hw-proxy-')), netns, under)
    await netns.exec('mkdir', '-p', daemon.folder)
    return daemon
  }

  async save(name: string, text: string): Promise<void> {
    await writeFile(join(this.folder, name), text)
  }

  /** Starts it on its folder; resolves when it says that it serves, and rejects with what it said when it ends instead. */
  start(...flags: readonly string[]): Promise<void> {
    return this.startOn('--manifests', this.folder, ...flags)
  }

  /** Starts it on the source that the flags name; settles as `start` does. */
  startOn(...flags: readonly string[]): Promise<void> {
    const child = this.#spawn(...flags)
    this.#said = ''
    return new Promise((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => {
          this.#said += text
          if (this.#said.includes('Serving ')) resolve()
        })
      child.once('close', () => reject(new Error(`it ended: ${this.#said}`)))
    })
  }

  /** Sends SIGTERM; resolves to the exit status. */
  async stop(): Promise<number | null> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined) return null
    if (child.exitCode === null) {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }
    return child.exitCode
  }

  /** Runs `hawser proxy ARGS` to its end on this daemon's folders; what it printed. */
  run(...args: readonly string[]): Promise<string> {
    const state = ['--state-dir', join(this.#root, 'state')]
    return this.#netns.exec(process.execPath, main, 'proxy', ...state, ...args)
  }

  /** Has it read its configuration again. */
  reload(): void {
    this.#child?.kill('SIGHUP')
  }

  get said(): string {
    return this.#said
  }

  /** Runs `hawser ARGS` in the namespace against this daemon. */
  ask(command: 'status' | 'explain' | 'top' | 'flows', ...args: readonly string[]): Promise<string> {
    const socket = join(this.#root, 'state', 'control.sock')
    return this.#netns.exec(process.execPath, main, command, ...args, '--socket', socket)
  }

  /** `hawser COMMAND` against this daemon, for a shell. */
  commandLine(command: 'top'): string {
    return `${process.execPath} ${main} ${command} --socket ${join(this.#root, 'state', 'control.sock')}`
  }

  async status(): Promise<StatusReport> {
    return JSON.parse(await this.ask('status', '--json'))
  }

  cleanup(): Promise<string> {
    return this.#netns.exec(process.execPath, main, 'proxy', '--cleanup')
  }

  async dispose(): Promise<void> {
    await this.stop()
    await rm(this.#root, { recursive: true })
  }

  #spawn(...args: readonly string[]): ChildProcess {
    // A namespace of its own has no say in the size of the machine's table of connections.
    const limits = args.includes('--config') ? [] : ['--conntrack-max-per-core', '0']
    const own = ['--state-dir', join(this.#root, 'state'), '--hostname-override', 'here', ...limits]
    this.#child = spawn(
      'nsenter',
      [`--net=${this.#netns.path}`, ...this.#under, process.execPath, main, 'proxy', ...own, ...args],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    return this.#child
  }
}
