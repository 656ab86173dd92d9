import { join } from 'node:path'
import { type ObjectName, splitObjectName } from '../../model/object-name.ts'
import type { Container } from '../../model/pod.ts'
import type { PodStatus } from '../../model/pod-status.ts'
import type { LogWriter } from '../logs/read-log.ts'
import type { PodNews } from '../pods/manager.ts'
import type { PodState } from '../pods/pod-state.ts'
import type { CriClient, StreamSelection } from '../runtime/cri-client.ts'
import type { ContainerRecord } from '../runtime/records.ts'
import { logFile, type PodFolder } from '../volumes/pod-folder.ts'
import { loggedRun } from './container-log.ts'
import { RequestError } from './request-error.ts'

/** A pod as its actor has it. */
export interface KnownPod {
  readonly state: PodState
  readonly status: PodStatus
}

export interface PodAccessOptions {
  readonly known: () => Iterable<KnownPod>
  readonly onNews: (listener: (news: PodNews) => void) => () => void
  readonly client: Pick<CriClient, 'exec' | 'attach' | 'portForward' | 'execSync'>
  readonly folderOf: (pod: { readonly name: ObjectName; readonly uid: string }) => PodFolder
}

/** A container as requests name it. */
export interface ContainerAddress {
  readonly pod: ObjectName
  /** Undefined: whichever pod has the name. */
  readonly uid: string | undefined
  readonly container: string
}

/** The log of one run of a container. */
export interface ContainerLog {
  readonly file: string
  readonly writer: LogWriter
}

/**
 * The ways into pods that the node's API opens: their logs, and sessions in their containers. Looks pods up when asked,
 * and changes nothing. What is not there is a {@link RequestError}; what the runtime refuses, a RuntimeError.
 */
export class PodAccess {
  readonly #options: PodAccessOptions

  constructor(options: PodAccessOptions) {
    this.#options = options
  }

  /** All pods that there are. */
  get known(): Iterable<KnownPod> {
    return this.#options.known()
  }

  /** The log of a container's last run, or of the one before it. */
  log({ pod, uid, container }: ContainerAddress, previous: boolean): ContainerLog {
    const known = this.#find(pod, uid)
    const run = loggedRun(known.status, known.state.records.containers, container, previous)
    const { logs } = this.#options.folderOf(known.state)
    return { file: join(logs, logFile(run.name, run.attempt)), writer: this.#writerOf(known.state.uid, run) }
  }

  /** Where the runtime serves a session of a new process in the container. */
  async exec(at: ContainerAddress, command: readonly string[], streams: StreamSelection): Promise<string> {
    return this.#options.client.exec(this.#running(at).id, command, streams)
  }

  /** Where it serves one of the container's own process. */
  async attach(at: ContainerAddress, streams: StreamSelection): Promise<string> {
    const { id } = this.#running(at)
    // A process keeps the terminal that it was started with, or does without.
    const tty = this.#spec(at)?.terminal.tty === true
    return this.#options.client.attach(id, { ...streams, tty, stderr: streams.stderr && !tty })
  }

  /** Where it serves one with ports of the pod. */
  async portForward(pod: ObjectName, uid: string | undefined, ports: readonly number[]): Promise<string> {
    const sandbox = this.#find(pod, uid).state.records.sandboxes.find(({ ready }) => ready)
    if (sandbox === undefined) throw new RequestError('NOT_FOUND', `pod ${pod} has no sandbox that runs`)
    return this.#options.client.portForward(sandbox.id, ports)
  }

  /** Everything that a command prints in the container. */
  async run(at: ContainerAddress, command: readonly string[], timeoutMs: number): Promise<Buffer> {
    const { stdout, stderr, exitCode } = await this.#options.client.execSync(
      this.#running(at).id,
      command,
      timeoutMs,
    )
    const output = Buffer.concat([stdout, stderr])
    if (exitCode === 0) return output
    throw new RequestError(
      'FAILED',
      `command terminated with exit code ${exitCode}: ${output.toString('utf8')}`,
    )
  }

  #find(pod: ObjectName, uid: string | undefined): KnownPod {
    for (const known of this.known) {
      if (known.state.name !== pod) continue
      if (uid === undefined || known.state.uid === uid) return known
    }
    throw new RequestError('NOT_FOUND', `pod ${JSON.stringify(splitObjectName(pod).name)} does not exist`)
  }

  #running({ pod, uid, container }: ContainerAddress): ContainerRecord {
    const { containers } = this.#find(pod, uid).state.records
    const found = containers.find(({ name, state }) => name === container && state === 'running')
    if (found === undefined)
      throw new RequestError('NOT_FOUND', `container not found (${JSON.stringify(container)})`)
    return found
  }

  #spec({ pod, uid, container }: ContainerAddress): Container | undefined {
    const spec = this.#find(pod, uid).state.pod
    return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].find(
      ({ name }) => name === container,
    )
  }

  #writerOf(uid: string, run: ContainerRecord): LogWriter {
    const hasEnded = (): boolean => {
      const pod = [...this.known].find(({ state }) => state.uid === uid)
      const record = pod?.state.records.containers.find(({ id }) => id === run.id)
      return record?.state !== 'running'
    }
    return {
      get ended() {
        return hasEnded()
      },
      onEnded: (listener) =>
        this.#options.onNews((news) => {
          if (news.uid === uid && hasEnded()) listener()
        }),
    }
  }
}
