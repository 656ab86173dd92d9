import { type ClientReadableStream, status } from '@grpc/grpc-js'
import { type Envelope, TaskEvent } from '../../gen/events.ts'
import { type ContainerEventResponse, ContainerEventType } from '../../gen/runtime.ts'
import type { CriClient } from './cri-client.ts'

/** Ends and out-of-memory kills in the namespace that CRI uses; starts are our own doing. */
const FILTERS = ['namespace==k8s.io,topic=="/tasks/exit"', 'namespace==k8s.io,topic=="/tasks/oom"']

/**
 * gRPC servers in Go send headers with the first message, so that a quiet stream never says that it stands. One that was
 * not refused in this time does: it only has to reach a handler of the process that answers everything else meanwhile.
 */
const SETTLED_MS = 1_000

export interface EventHandler {
  /** Something ended: a container or sandbox of that ID, when the event says which. */
  hint(endedId: string | undefined): void
  /** Hints come from now on, or no longer. */
  connected(connected: boolean): void
}

/**
 * The runtime's events as hints that something ended. containerd's own stream first, which every version has; CRI's
 * where there is none. A runtime with neither is read at intervals only. The stream ends with its connection:
 * {@link open} it again then.
 */
export class RuntimeEvents {
  readonly #client: CriClient
  readonly #handler: EventHandler
  #stream: ClientReadableStream<Envelope> | ClientReadableStream<ContainerEventResponse> | undefined
  #source: 'containerd' | 'cri' | 'none' = 'containerd'

  constructor(client: CriClient, handler: EventHandler) {
    this.#client = client
    this.#handler = handler
  }

  /** Harmless while a stream is open. */
  open(): void {
    if (this.#stream !== undefined || this.#source === 'none') return
    if (this.#source === 'containerd') {
      const stream = this.#client.subscribe(FILTERS)
      stream.on('data', (envelope: Envelope) => this.#handler.hint(endedIn(envelope)))
      this.#follow(stream)
    } else {
      const stream = this.#client.containerEvents()
      stream.on('data', ({ containerEventType, containerId }: ContainerEventResponse) => {
        if (containerEventType === ContainerEventType.CONTAINER_STOPPED_EVENT) this.#handler.hint(containerId)
      })
      this.#follow(stream)
    }
  }

  close(): void {
    const stream = this.#stream
    this.#stream = undefined
    stream?.cancel()
  }

  #follow(stream: ClientReadableStream<Envelope> | ClientReadableStream<ContainerEventResponse>): void {
    this.#stream = stream
    const stands = (): void => {
      clearTimeout(settled)
      if (this.#stream === stream) this.#handler.connected(true)
    }
    const settled = setTimeout(stands, SETTLED_MS).unref()
    // Headers are the answer to the subscription: from here on nothing is missed.
    stream.on('metadata', stands)
    const ended = (): boolean => {
      clearTimeout(settled)
      if (this.#stream !== stream) return false
      this.#stream = undefined
      this.#handler.connected(false)
      return true
    }
    stream.on('error', (error) => {
      if (!ended()) return
      if ('code' in error && error.code === status.UNIMPLEMENTED) {
        this.#source = this.#source === 'containerd' ? 'cri' : 'none'
        this.open()
      }
    })
    stream.on('end', ended)
  }
}

/** The container whose main process ended; undefined for an exec's end and anything that cannot be told. */
function endedIn({ topic, event }: Envelope): string | undefined {
  if (topic !== '/tasks/exit' || event === undefined) return undefined
  const { containerId, id } = TaskEvent.decode(event.value)
  return id === containerId ? containerId : undefined
}
