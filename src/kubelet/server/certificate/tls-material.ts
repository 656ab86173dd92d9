import type { Material } from '../../../kube/access/cluster-access.ts'
import { MaterialReader } from '../../../kube/credentials/material-reader.ts'
import { type NodeNames, ownCertificate } from './own-certificate.ts'

/** What a TLS server is made of. */
export interface TlsMaterial {
  readonly cert: string | Buffer
  readonly key: string | Buffer
  /** Who vouches for clients; undefined: nobody, and no client has a certificate. */
  readonly ca: Buffer | undefined
}

export interface TlsSourceOptions {
  /** PEM files; undefined: the node makes its own. */
  readonly files: { readonly cert: string; readonly key: string } | undefined
  readonly clientAuthority: Material | undefined
  /** Where an own certificate is kept. */
  readonly folder: string
  readonly names: NodeNames
}

/** Where the server's certificate and its clients' authority come from. Files may be replaced at any time. */
export class TlsSource {
  readonly #options: TlsSourceOptions
  readonly #files: { readonly cert: MaterialReader; readonly key: MaterialReader } | undefined
  readonly #authority: MaterialReader | undefined
  #current: TlsMaterial | undefined

  constructor(options: TlsSourceOptions) {
    const { files, clientAuthority } = options
    const reader = (path: string, what: string) => new MaterialReader({ kind: 'file', path }, what)
    this.#options = options
    this.#files = files && {
      cert: reader(files.cert, "the server's certificate"),
      key: reader(files.key, "the server's key"),
    }
    this.#authority = clientAuthority && new MaterialReader(clientAuthority, "the clients' authority")
  }

  /** What is there now: the same object as long as nothing has changed. Rejects when something cannot be read. */
  async read(now: number): Promise<TlsMaterial> {
    const { cert, key } = await this.#pair(now)
    const ca = await this.#authority?.bytes()
    const before = this.#current
    if (before === undefined || before.cert !== cert || before.key !== key || before.ca !== ca)
      this.#current = { cert, key, ca }
    return this.#current ?? { cert, key, ca }
  }

  async #pair(now: number): Promise<Pick<TlsMaterial, 'cert' | 'key'>> {
    if (this.#files === undefined) return ownCertificate(this.#options.folder, this.#options.names, now)
    return { cert: await this.#files.cert.bytes(), key: await this.#files.key.bytes() }
  }
}
