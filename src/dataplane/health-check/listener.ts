import { createServer, type RequestListener, type Server } from 'node:http'
import type { IpAddress } from '../../util/address.ts'
import { familyOf } from '../../util/address.ts'

/** What a load balancer asks takes no longer than this; one that says nothing is no load balancer. */
const REQUEST_TIMEOUT_MS = 10_000

/** How long a port that cannot be had is left alone: soon, since a proxy that hands over to this one frees it. */
const RETRY_MS = 1000

export interface ListenerOptions {
  readonly address: IpAddress
  readonly port: number
  readonly answer: RequestListener
  /** Hears of the first of several failures in a row; it is tried again until `close`. */
  readonly onFailure: (error: Error) => void
}

/** One HTTP server at one address, tried again for as long as the address cannot be had. */
export class Listener {
  readonly #options: ListenerOptions
  #server: Server | undefined
  #retry: NodeJS.Timeout | undefined
  #failure: Error | undefined
  #closed = false

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#listen()
  }

  /** Why nothing listens; undefined while it does, or is about to. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Ends what is under way too: who is asked next must not get the answer of a Service that is gone. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }

  #listen(): void {
    const { address, port, answer } = this.#options
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, answer)
    this.#server = server
    server.once('listening', () => {
      this.#failure = undefined
      // It was closed between the call and the kernel's answer.
      if (this.#closed) server.close()
    })
    server.on('error', (error) => this.#failed(error))
    // An address of all of one family's: the other has a server of its own, whose answer may differ.
    server.listen({ host: address, port, ipv6Only: familyOf(address) === 'IPv6' })
  }

  #failed(error: Error): void {
    if (this.#closed) return
    const first = this.#failure === undefined
    this.#failure = error
    this.#retry = setTimeout(() => this.#listen(), RETRY_MS)
    if (first) this.#options.onFailure(error)
  }
}
