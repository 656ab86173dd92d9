import { constants } from 'node:crypto'
import type { SecureContextOptions, Server } from 'node:tls'
import { errorMessage } from '../../../util/error-message.ts'
import type { Logger } from '../../../util/logger.ts'
import type { TlsMaterial, TlsSource } from './tls-material.ts'

export interface TlsRenewalOptions {
  readonly source: Pick<TlsSource, 'read'>
  /** What the server was made with. */
  readonly material: TlsMaterial
  readonly everyMs: number
  readonly log: Logger
}

/** TLS 1.2 at least. No session is resumed: it would carry on what a former authority vouched for. */
export const tlsOptions = ({ cert, key, ca }: TlsMaterial): SecureContextOptions => ({
  ...{ minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET, cert, key },
  ...(ca === undefined ? {} : { ca }),
})

/** Looks, as long as a server serves, whether its certificate or its clients' authority are others by now. */
export class TlsRenewal {
  readonly #server: Server
  readonly #options: TlsRenewalOptions
  readonly #timer: NodeJS.Timeout
  #material: TlsMaterial
  #complaint = ''

  constructor(server: Server, options: TlsRenewalOptions) {
    this.#server = server
    this.#options = options
    this.#material = options.material
    this.#timer = setInterval(() => void this.#renew(), options.everyMs)
    this.#timer.unref()
  }

  /** What connections are made with from now on. */
  get material(): TlsMaterial {
    return this.#material
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Never rejects. */
  async #renew(): Promise<void> {
    try {
      const read = await this.#options.source.read(Date.now())
      // Fails where one of two files has been replaced and the other not yet: what is in force stays so.
      if (read !== this.#material) this.#server.setSecureContext(tlsOptions(read))
      this.#material = read
      this.#complaint = ''
    } catch (error) {
      const complaint = errorMessage(error)
      if (complaint !== this.#complaint)
        this.#options.log.warn({ error: complaint }, "The node's API keeps the certificates that it has")
      this.#complaint = complaint
    }
  }
}
