import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Snapshot } from '../../src/cli/up/snapshot.ts'
import { writeTestImages } from './containerd-images.ts'
import { connect, Netns } from './netns.ts'

const main = resolve('dist/src/cli/main.js')

/**
 * A machine for `hawser up`: a network namespace with an uplink and a default route, a mount namespace, and a folder of
 * manifests with the test images, all of its own.
 */
export class UpMachine {
  readonly folder: string
  readonly stateDir: string
  /** The machine's own, 192.0.2.10. */
  readonly netns: Netns
  /** The world behind the uplink, 192.0.2.1. */
  readonly outside: Netns
  readonly #root: string
  readonly #holder: ChildProcess
  readonly #runs: UpRun[] = []

  private constructor(root: string, netns: Netns, outside: Netns, holder: ChildProcess) {
    this.#root = root
    this.folder = join(root, 'manifests')
    // Short: containerd's socket lies in it, and the kernel takes 107 bytes.
    this.stateDir = join(root, 's')
    this.netns = netns
    this.outside = outside
    this.#holder = holder
  }

  static async create(): Promise<UpMachine> {
    if (!existsSync(main)) throw new Error('these tests run the compiled command: npm run build first')
    const root = await mkdtemp(join(tmpdir(), 'hw-up-'))
    const [netns, outside] = [await Netns.create('node'), await Netns.create('far')]
    await connect(
      { netns, link: 'uplink', addresses: ['192.0.2.10/24'] },
      { netns: outside, link: 'far', addresses: ['192.0.2.1/24'] },
    )
    await netns.exec('ip', 'route', 'add', 'default', 'via', '192.0.2.1')
    // A new namespace takes it over from the machine's own.
    await netns.sysctl({ 'net.ipv4.ip_forward': 0 })
    // Holds a mount namespace that outlives each run, as a machine's does.
    const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', holdMounts], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(holder.stdout ?? holder, 'data')
    const machine = new UpMachine(root, netns, outside, holder)
    mkdirSync(join(machine.folder, 'images'), { recursive: true })
    await writeTestImages(join(machine.folder, 'images'))
    return machine
  }

  async save(name: string, text: string): Promise<void> {
    await writeFile(join(this.folder, name), text)
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.folder, name))
  }

  /** Starts `hawser up` on the folder with `--json`. */
  up(...flags: readonly string[]): UpRun {
    return this.upWith(process.env, ...flags)
  }

  upWith(env: NodeJS.ProcessEnv, ...flags: readonly string[]): UpRun {
    const where = [`--net=${this.netns.path}`, `--mount=/proc/${this.#holder.pid}/ns/mnt`]
    const node = ['--state-dir', this.stateDir, '--hostname-override', this.netns.name, '--json', ...flags]
    const child = spawn('nsenter', [...where, process.execPath, main, 'up', this.folder, ...node], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const run = new UpRun(child)
    this.#runs.push(run)
    return run
  }

  /** What a node leaves behind when it does: empty when it has removed everything. */
  async leftovers(): Promise<readonly string[]> {
    const links = (await this.netns.exec('ip', '-o', 'link')).split('\n').filter((line) => line !== '')
    const rules = (await this.netns.exec('nft', 'list', 'tables')).split('\n').filter((line) => line !== '')
    const mounts = readFileSync(`/proc/${this.#holder.pid}/mountinfo`, 'utf8').split('\n')
    const processes = execFileSync('ip', ['netns', 'pids', this.netns.name], { encoding: 'utf8' })
    const forwarding = (await this.netns.exec('cat', '/proc/sys/net/ipv4/ip_forward')).trim()
    return [
      ...links.filter((line) => !/: (lo|uplink)[:@]/.test(line)),
      ...rules,
      ...mounts.filter((line) => line.includes(this.#root)),
      ...processes.split('\n').filter((line) => line !== ''),
      ...(forwarding === '0' ? [] : ['ip_forward is on']),
    ]
  }

  /** Ends what still runs, lets a last node take down what it finds, and removes everything. */
  async dispose(): Promise<void> {
    for (const run of this.#runs) await run.kill()
    await rm(this.folder, { recursive: true, force: true })
    mkdirSync(this.folder, { recursive: true })
    if (existsSync(this.stateDir)) await this.up('--once').ended()
    this.#holder.kill('SIGKILL')
    await this.netns.dispose()
    await this.outside.dispose()
    await rm(this.#root, { recursive: true, force: true })
  }
}

const holdMounts = 'mount --make-rshared / && echo held && exec sleep infinity'

/** One run of `hawser up`. */
export class UpRun {
  readonly #child: ChildProcess
  readonly #exit: Promise<unknown>
  #out = ''
  #err = ''
  #snapshot: Snapshot | undefined
  readonly progress: string[] = []

  constructor(child: ChildProcess) {
    this.#child = child
    this.#exit = once(child, 'close')
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#err += text
    })
  }

  /** The last line on stderr, where failures are said. */
  get lastWords(): string {
    return this.#err.trim().split('\n').at(-1) ?? ''
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot
  }

  /** Waits for a state of the node; the error holds the last one and everything on stderr. */
  async until(what: string, holds: (snapshot: Snapshot) => boolean, limitMs: number): Promise<Snapshot> {
    for (const deadline = Date.now() + limitMs; ; await sleep(10)) {
      if (this.#snapshot !== undefined && holds(this.#snapshot)) return this.#snapshot
      if (this.#child.exitCode !== null) throw new Error(`${what}: it has ended\n${this.#err}`)
      if (Date.now() > deadline)
        throw new Error(
          `${what}: not after ${limitMs} ms\n${JSON.stringify(this.#snapshot, null, 1)}\n${this.#err}`,
        )
    }
  }

  /** Waits for a line of progress. */
  async said(text: string, limitMs: number): Promise<void> {
    for (const deadline = Date.now() + limitMs; ; await sleep(10)) {
      if (this.progress.some((line) => line.includes(text))) return
      if (this.#child.exitCode !== null || Date.now() > deadline)
        throw new Error(`"${text}" was not said, but: ${this.progress.join(' | ')}\n${this.#err}`)
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exit
  }

  /** Waits until it has ended by itself; resolves with its exit status. */
  async ended(): Promise<number | null> {
    await this.#exit
    return this.#child.exitCode
  }

  #read(text: string): void {
    this.#out += text
    const lines = this.#out.split('\n')
    this.#out = lines.pop() ?? ''
    for (const line of lines) {
      const said = JSON.parse(line) as { progress?: string; node?: Snapshot }
      if (said.progress !== undefined) this.progress.push(said.progress)
      this.#snapshot = said.node ?? this.#snapshot
    }
  }
}
