import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cidr } from '../../util/address.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { unmountAllUnder } from '../host/mounts.ts'
import { endProcess, findProcesses, isAlive, type ProcessId } from '../host/processes.ts'
import { renderContainerdConfig, renderPodNetwork } from './containerd-config.ts'
import { checkSocketPath, chooseSnapshotter, findContainerd, programPath } from './containerd-machine.ts'
import { ContainerdWatch } from './containerd-watch.ts'
import { CriClient } from './cri-client.ts'
import { removeHostPortChains } from './host-port-chains.ts'
import { noteMachine, restoreMachine } from './machine-note.ts'
import { PrivateContainerdError } from './private-containerd-error.ts'

export interface PrivateContainerdOptions {
  /** Absolute. containerd gets a folder of its own in it; its socket lies there too and may have 101 bytes. */
  readonly stateDir: string
  /** Pods get their addresses from it. */
  readonly podCidr: Cidr
  /** What a sandbox runs; imported or pulled before the first pod. */
  readonly sandboxImage: string
  /** Path of the network namespace for pods' links and routes; undefined: this process's own. */
  readonly netns?: string
  readonly log: Logger
}

const READY_MS = 30_000
const STOP_MS = 10_000

/**
 * A containerd of Hawser's own, all of it below one folder. It outlives Hawser: when Hawser is killed, it and its pods
 * go on, and the next start adopts it. While Hawser lives, it is started again when it dies.
 */
export class PrivateContainerd {
  readonly endpoint: string
  readonly socket: string
  /** It was running already, left by a former Hawser. */
  readonly adopted: boolean
  readonly #folder: string
  readonly #options: PrivateContainerdOptions
  readonly #watch: ContainerdWatch
  #process: ProcessId

  private constructor(
    options: PrivateContainerdOptions,
    folder: string,
    containerd: { program: string; process: ProcessId; adopted: boolean },
  ) {
    this.#options = options
    this.#folder = folder
    this.#process = containerd.process
    this.adopted = containerd.adopted
    this.socket = socketIn(folder)
    this.endpoint = `unix://${this.socket}`
    this.#watch = new ContainerdWatch({
      socket: this.socket,
      isAlive: () => isAlive(this.#process),
      restart: async () => {
        this.#process = await launch(containerd.program, folder, options.netns)
      },
      log: options.log,
    })
  }

  /** Its process; another one after it died. */
  get pid(): number {
    return this.#process.pid
  }

  /** Starts it, or adopts the one that runs; resolves when it takes pods. Throws a {@link PrivateContainerdError}. */
  static async start(options: PrivateContainerdOptions): Promise<PrivateContainerd> {
    const folder = join(options.stateDir, 'containerd')
    checkSocketPath(socketIn(folder))
    const { containerd: program, cniBinDir } = await findContainerd()
    await mkdir(join(folder, 'cni'), { recursive: true, mode: 0o711 })
    await noteMachine(folder, options.netns)
    const changed = await writeConfiguration(folder, cniBinDir, options)
    let process: ProcessId | undefined = await findRunning(folder)
    if (process !== undefined && changed) {
      options.log.info({ pid: process.pid }, 'The private containerd restarts with a changed configuration')
      await endProcess(process, STOP_MS)
      process = undefined
    }
    const adopted = process !== undefined
    process ??= await launch(program, folder, options.netns)
    try {
      await waitUntilReady(folder, process)
    } catch (error) {
      if (!adopted) await endProcess(process, STOP_MS)
      throw error
    }
    options.log.info({ pid: process.pid, adopted, folder }, 'The private containerd takes pods')
    return new PrivateContainerd(options, folder, { program, process, adopted })
  }

  /** Lets go of it: it and its pods keep running, unsupervised. */
  detach(): void {
    this.#watch.stop()
  }

  /**
   * Ends it with everything it made: pods that are still there, its processes, mounts, folders elsewhere, and the
   * address forwarding its network plugin switched on. Images stay in its own folder, for the next start.
   */
  async stop(): Promise<void> {
    await this.#watch.settle()
    const alive = await isAlive(this.#process)
    if (alive) await this.#removeRemainingPods()
    await endProcess(this.#process, STOP_MS)
    for (const shim of await findProcesses('containerd-shim-runc-v2', this.socket)) {
      this.#options.log.warn(
        { pid: shim.pid },
        'A pod did not end with its containerd; its shim is ended now',
      )
      await endProcess(shim, STOP_MS)
    }
    await unmountAllUnder(this.#folder)
    for (const name of ['state', 'cni', 'ipam', 'config.toml', 'containerd.sock', 'containerd.sock.ttrpc']) {
      await rm(join(this.#folder, name), { recursive: true, force: true })
    }
    await this.#removeHostPortChains()
    await restoreMachine(this.#folder, this.#options.netns)
  }

  /** Without iptables there are none. */
  async #removeHostPortChains(): Promise<void> {
    const { podCidr, netns, log } = this.#options
    try {
      await removeHostPortChains(this.#folder, podCidr.family, netns)
    } catch (error) {
      log.debug({ error: errorMessage(error) }, 'Chains of the portmap plugin may be left')
    }
  }

  /** Nobody else uses this containerd: whatever pod is left in it is ours, or nobody's. */
  async #removeRemainingPods(): Promise<void> {
    const client = new CriClient(this.endpoint, () => undefined)
    try {
      for (const { id } of await client.listPodSandboxes({})) {
        await client.stopPodSandbox(id)
        await client.removePodSandbox(id)
      }
    } catch (error) {
      this.#options.log.warn(
        { error: errorMessage(error) },
        'A pod of the private containerd did not go before it',
      )
    } finally {
      client.close()
    }
  }
}

const socketIn = (folder: string): string => join(folder, 'containerd.sock')
const configIn = (folder: string): string => join(folder, 'config.toml')

/** Writes both configurations; true when they had been written before and are other ones now. */
async function writeConfiguration(
  folder: string,
  cniBinDir: string,
  { podCidr, sandboxImage }: PrivateContainerdOptions,
): Promise<boolean> {
  const snapshotter = await chooseSnapshotter(folder)
  const config = { folder, socket: socketIn(folder), sandboxImage, cniBinDir, snapshotter }
  const files = new Map([
    [configIn(folder), renderContainerdConfig(config)],
    [
      join(folder, 'cni', '10-hawser.conflist'),
      renderPodNetwork(folder, podCidr, existsSync(join(cniBinDir, 'portmap'))),
    ],
  ])
  let changed = false
  for (const [file, text] of files) {
    const before = await readFile(file, 'utf8').catch(() => undefined)
    if (before !== undefined && before !== text) changed = true
    if (before !== text) await writeFile(file, text, { mode: 0o600 })
  }
  return changed
}

/**
 * The containerd that runs on our configuration. It is found by its arguments alone: unlike a pid file, they cannot be
 * missing after a crash, nor name a process that came later.
 */
async function findRunning(folder: string): Promise<ProcessId | undefined> {
  return (await findProcesses('containerd', `--config=${configIn(folder)}`))[0]
}

async function launch(program: string, folder: string, netns: string | undefined): Promise<ProcessId> {
  const log = await open(join(folder, 'containerd.log'), 'a', 0o600)
  try {
    const command = [program, `--config=${configIn(folder)}`]
    // nsenter becomes containerd by exec: one process, the same number.
    const [file = program, ...args] =
      netns === undefined ? command : ['nsenter', `--net=${netns}`, ...command]
    // A session of its own: neither a terminal's Ctrl-C nor our end reaches it.
    const env = { ...process.env, PATH: programPath() }
    const child = spawn(file, args, { detached: true, env, stdio: ['ignore', log.fd, log.fd] })
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    child.unref()
  } finally {
    await log.close()
  }
  for (const deadline = Date.now() + READY_MS; Date.now() < deadline; await sleep(5)) {
    const process = await findRunning(folder)
    if (process !== undefined) return process
  }
  throw await notReady(folder, 'it ended at once')
}

async function waitUntilReady(folder: string, process: ProcessId): Promise<void> {
  const client = new CriClient(`unix://${socketIn(folder)}`, () => undefined)
  let last = 'no answer'
  try {
    for (const deadline = Date.now() + READY_MS; Date.now() < deadline; await sleep(20)) {
      try {
        const conditions = (await client.status()).status?.conditions ?? []
        if (conditions.length > 0 && conditions.every(({ status }) => status)) return
        last = conditions.map(({ type, message }) => `${type}: ${message}`).join(', ')
      } catch (error) {
        last = errorMessage(error)
      }
      if (!(await isAlive(process))) throw await notReady(folder, 'it ended')
    }
    throw await notReady(folder, last)
  } finally {
    client.close()
  }
}

async function notReady(folder: string, reason: string): Promise<PrivateContainerdError> {
  const file = join(folder, 'containerd.log')
  const log = await readFile(file, 'utf8').catch(() => '')
  const tail = log.trimEnd().split('\n').slice(-3).join(' | ')
  return new PrivateContainerdError(
    'CONTAINERD_NOT_READY',
    `starting a private containerd: ${reason}; its last words: ${tail || 'none'} (see ${file})`,
  )
}
