import { errorMessage } from '../../util/error-message.ts'
import { askDaemon } from '../control/ask.ts'
import type { ConnectionsReply } from '../control/connections-reply.ts'
import { RateMeter, type Snapshot } from './rates.ts'

/** Asks the daemon for what happened since the last time. */
export class ConnectionsWatch {
  readonly #socket: string | undefined
  readonly #meter = new RateMeter()

  constructor(socket: string | undefined) {
    this.#socket = socket
  }

  /** The next snapshot, with all endpoints of `service`. Rejects with a CommandError when nobody answers. */
  async next(service: string | undefined): Promise<Snapshot> {
    const query = service === undefined ? '' : `?${new URLSearchParams({ service })}`
    return this.#meter.next(await askDaemon<ConnectionsReply>(this.#socket, `/connections${query}`))
  }

  /** The same, or in words why there is none: a daemon may be on its way back. */
  async tryNext(service: string | undefined): Promise<Snapshot | string> {
    return this.next(service).catch(errorMessage)
  }
}
