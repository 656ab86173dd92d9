import type { Clock } from '../../util/clock.ts'
import type { ClusterAccess } from '../access/cluster-access.ts'
import { type ExecClusterInfo, type ExecCredential, ExecCredentials } from './exec-credential.ts'
import { MaterialReader } from './material-reader.ts'

/** Who the client is in one request. */
export interface Identity {
  readonly authorization: string | undefined
  /** Equal by identity as long as nothing was rotated. */
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
  readonly impersonation: Readonly<Record<string, string | readonly string[]>>
  /** Where it came from, when that can be renewed. */
  readonly exec: ExecCredential | undefined
}

/** Who the client is and which authority it trusts, read anew whenever that may have changed. */
export class Credentials {
  readonly #access: ClusterAccess
  readonly #authority: MaterialReader | undefined
  readonly #cert: MaterialReader | undefined
  readonly #key: MaterialReader | undefined
  readonly #token: MaterialReader | undefined
  readonly #exec: ExecCredentials | undefined

  constructor(access: ClusterAccess, clock?: Clock) {
    const { user, authority } = access
    this.#access = access
    this.#authority = authority && new MaterialReader(authority, 'the certificate authority')
    this.#cert = user.certificate && new MaterialReader(user.certificate, 'the client certificate')
    this.#key = user.key && new MaterialReader(user.key, 'the client key')
    this.#token =
      user.tokenFile === undefined
        ? undefined
        : new MaterialReader({ kind: 'file', path: user.tokenFile }, 'the token file')
    this.#exec = user.exec && new ExecCredentials(user.exec, () => this.#clusterInfo(), clock)
  }

  /** Throws a KubeError `CREDENTIALS_UNAVAILABLE`. */
  async identity(): Promise<Identity> {
    const written = await this.#writtenAuthorization()
    const cert = await this.#cert?.bytes()
    const key = await this.#key?.bytes()
    // As in client-go: what the kubeconfig itself says wins over the plugin.
    const exec = written === undefined ? await this.#exec?.credential() : undefined
    return {
      authorization: written ?? (exec?.token === undefined ? undefined : `Bearer ${exec.token}`),
      cert: cert ?? exec?.certificate?.cert,
      key: key ?? exec?.certificate?.key,
      impersonation: this.#access.user.impersonation,
      exec,
    }
  }

  authority(): Promise<Buffer> | undefined {
    return this.#authority?.bytes()
  }

  /**
   * The server answered `identity` with 401. True when another identity may be had now, so that one more attempt is
   * worth it.
   */
  async refused(identity: Identity): Promise<boolean> {
    for (const reader of [this.#cert, this.#key, this.#token]) reader?.expire()
    if (identity.exec !== undefined) this.#exec?.refused(identity.exec)
    const next = await this.identity()
    return next.authorization !== identity.authorization || next.cert !== identity.cert
  }

  /** A connection failed: files that it was made with may have been replaced since. */
  expire(): void {
    for (const reader of [this.#authority, this.#cert, this.#key, this.#token]) reader?.expire()
  }

  async #writtenAuthorization(): Promise<string | undefined> {
    const { token, basic } = this.#access.user
    if (this.#token !== undefined) {
      try {
        return `Bearer ${(await this.#token.bytes()).toString('utf8').trim()}`
      } catch (error) {
        if (token === undefined) throw error
      }
    }
    if (token !== undefined) return `Bearer ${token}`
    if (basic === undefined) return undefined
    return `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`
  }

  async #clusterInfo(): Promise<ExecClusterInfo> {
    const { server, tlsServerName, insecureSkipTlsVerify, proxy } = this.#access
    const authority = await this.authority()
    return {
      server: server.href.replace(/\/$/, ''),
      ...(tlsServerName === undefined ? {} : { 'tls-server-name': tlsServerName }),
      ...(insecureSkipTlsVerify ? { 'insecure-skip-tls-verify': true } : {}),
      ...(authority === undefined ? {} : { 'certificate-authority-data': authority.toString('base64') }),
      ...(proxy === undefined ? {} : { 'proxy-url': proxy.href }),
    }
  }
}
