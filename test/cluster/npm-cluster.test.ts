import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cgroupRoots } from '../../src/kubelet/host/cgroups.ts'
import { ownCgroup, ownerOf } from '../../src/kubelet/owner.ts'
import { eventually } from '../support/eventually.ts'

const program = join(import.meta.dirname, '../../dist/cluster/main.js')
/** For two clusters that start beside each other on a machine with much else to do. */
const LIMIT_MS = 180_000

/** What `npm run cluster` runs, and what it has said. */
class Run {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  #said = ''

  constructor(...flags: readonly string[]) {
    this.#child = spawn(process.execPath, [program, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#ended = once(this.#child, 'close')
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text
      })
  }

  get said(): string {
    return this.#said
  }

  /** Waits until it has said what the pattern finds; its first group. */
  async hears(pattern: RegExp): Promise<string> {
    return eventually(() => {
      const found = pattern.exec(this.#said)?.[1]
      if (found === undefined && this.#child.exitCode !== null) throw new Error(`it ended: ${this.#said}`)
      return found
    }, LIMIT_MS)
  }

  /** Where it keeps its things. */
  folder(): Promise<string> {
    return this.hears(/keep their things in (\S+)/)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resolves to the exit status. */
  async ended(): Promise<number | null> {
    await this.#ended
    return this.#child.exitCode
  }
}

/** All that there is on the machine of a run whose things lie in the folder. */
async function tracesOf(folder: string, namespaces: readonly string[]) {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  const cgroup = ownCgroup(ownerOf(join(folder, 'hawser', 'kubelet')))
  return {
    folder: existsSync(folder),
    namespaces: namespaces.filter((path) => existsSync(path)),
    processes: commands.some((command) => command.includes(folder)),
    mounts: mounts.some((line) => line.includes(folder)),
    cgroups: (await cgroupRoots()).some((root) => existsSync(join(root, cgroup))),
  }
}

const NONE = { folder: false, namespaces: [], processes: false, mounts: false, cgroups: false }

/** Namespaces of a run whose node has been started. */
const namespacesOf = (folder: string): Promise<readonly string[]> =>
  Promise.all([noted(folder, 'run.json'), noted(folder, 'hawser/machine.json')])

describe('npm run cluster', { timeout: LIMIT_MS }, () => {
  let stays: Run
  let checked: Run
  let killed: { readonly folder: string; readonly namespaces: readonly string[] }

  beforeAll(async () => {
    stays = new Run()
    const victim = new Run()
    await victim.hears(/(Deploying)/)
    const folder = await victim.folder()
    killed = { folder, namespaces: await namespacesOf(folder) }
    victim.signal('SIGKILL')
    await victim.ended()
    checked = new Run('--once')
  }, LIMIT_MS)

  afterAll(async () => {
    for (const run of [stays, checked]) {
      run?.signal('SIGINT')
      await run?.ended()
    }
  })

  it('takes away first what a run that was killed has left', async () => {
    await checked.hears(new RegExp(`killed had left in (${killed.folder})`))
    expect(await tracesOf(killed.folder, killed.namespaces)).toEqual(NONE)
  })

  it('answers on loopback as it says, beside another of its kind, and takes everything down on SIGINT', async () => {
    const port = await stays.hears(/curl http:\/\/127\.0\.0\.1:(\d+)/)
    const answer = await fetch(`http://127.0.0.1:${port}`)
    expect(await answer.text()).toMatch(/^Hello from web-/)
    const folder = await stays.folder()
    const namespaces = await namespacesOf(folder)
    const during = { folder: true, namespaces, processes: true, mounts: true, cgroups: true }
    expect(await tracesOf(folder, namespaces)).toEqual(during)
    stays.signal('SIGINT')
    expect(await stays.ended()).toBe(0)
    expect(await tracesOf(folder, namespaces)).toEqual(NONE)
  })

  it('checks with --once that Service, logs, exec and port-forward work, and leaves nothing', async () => {
    const folder = await checked.folder()
    const status = await checked.ended()
    expect(checked.said).toMatch(/ok: .*logs/)
    expect(checked.said).toContain('Everything that was made is removed')
    expect(status).toBe(0)
    expect(await tracesOf(folder, [])).toEqual(NONE)
  })
})

/** Path of the network namespace that a note in the folder names. */
async function noted(folder: string, name: string): Promise<string> {
  const { netns } = JSON.parse(await readFile(join(folder, name), 'utf8')) as { readonly netns: string }
  return netns
}
