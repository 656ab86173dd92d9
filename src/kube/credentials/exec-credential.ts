import { execFile } from 'node:child_process'
import * as v from 'valibot'
import { type Clock, systemClock } from '../../util/clock.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { ExecPlugin } from '../access/cluster-access.ts'
import { KubeError } from '../error.ts'

/** What the plugin is told of the cluster (client.authentication.k8s.io `Cluster`). */
export interface ExecClusterInfo {
  readonly server: string
  readonly 'tls-server-name'?: string
  readonly 'insecure-skip-tls-verify'?: boolean
  readonly 'certificate-authority-data'?: string
  readonly 'proxy-url'?: string
}

export interface ExecCredential {
  readonly token: string | undefined
  readonly certificate: { readonly cert: Buffer; readonly key: Buffer } | undefined
}

const PLUGIN_TIMEOUT_MS = 60_000

/** So that a credential does not end between its last look and the server's. */
const EXPIRY_MARGIN_MS = 5_000

const text = v.nullish(v.string(), '')
const output = v.object({
  apiVersion: v.string(),
  kind: v.literal('ExecCredential', 'must be ExecCredential'),
  status: v.object({
    token: text,
    clientCertificateData: text,
    clientKeyData: text,
    expirationTimestamp: v.nullish(v.pipe(v.string(), v.isoTimestamp('must be an RFC 3339 time'))),
  }),
})

/** Credentials of an exec plugin: run when there are none, when they end, and after the server has refused them. */
export class ExecCredentials {
  readonly #plugin: ExecPlugin
  readonly #cluster: () => Promise<ExecClusterInfo>
  readonly #clock: Clock
  #current: { credential: ExecCredential; endsAt: number } | undefined
  #running: Promise<ExecCredential> | undefined

  constructor(plugin: ExecPlugin, cluster: () => Promise<ExecClusterInfo>, clock: Clock = systemClock) {
    this.#plugin = plugin
    this.#cluster = cluster
    this.#clock = clock
  }

  async credential(): Promise<ExecCredential> {
    if (this.#current !== undefined && this.#clock.now() < this.#current.endsAt)
      return this.#current.credential
    // Callers at the same time share one run.
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** The server has refused `credential`; one that was obtained meanwhile stays. */
  refused(credential: ExecCredential): void {
    if (this.#current?.credential === credential) this.#current = undefined
  }

  async #run(): Promise<ExecCredential> {
    const { apiVersion, provideClusterInfo } = this.#plugin
    const cluster = provideClusterInfo ? { cluster: await this.#cluster() } : {}
    const info = { apiVersion, kind: 'ExecCredential', spec: { ...cluster, interactive: false } }
    const { status } = this.#read(await this.#execute(JSON.stringify(info)))
    const hasCertificate = status.clientCertificateData !== '' && status.clientKeyData !== ''
    if (status.token === '' && !hasCertificate)
      throw this.#failure('it printed neither a token nor a certificate with its key')
    const credential: ExecCredential = {
      token: status.token || undefined,
      certificate: hasCertificate
        ? { cert: Buffer.from(status.clientCertificateData), key: Buffer.from(status.clientKeyData) }
        : undefined,
    }
    const expires = status.expirationTimestamp
    const endsAt = expires == null ? Number.POSITIVE_INFINITY : Date.parse(expires) - EXPIRY_MARGIN_MS
    this.#current = { credential, endsAt }
    return credential
  }

  #execute(info: string): Promise<string> {
    const { command, args, env } = this.#plugin
    return new Promise((resolve, reject) => {
      const options = {
        env: { ...process.env, ...env, KUBERNETES_EXEC_INFO: info },
        timeout: PLUGIN_TIMEOUT_MS,
        maxBuffer: 1024 * 1024,
      }
      const child = execFile(command, [...args], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(this.#failure(stderr.trim() || error.message, error))
      })
      child.stdin?.end()
    })
  }

  #read(stdout: string): v.InferOutput<typeof output> {
    let value: unknown
    try {
      value = JSON.parse(stdout)
    } catch (error) {
      throw this.#failure(`its output is no JSON: ${errorMessage(error)}`, error)
    }
    const result = v.safeParse(output, value)
    if (!result.success) {
      const [issue] = result.issues
      const path = (issue.path ?? []).map((step) => String(step.key)).join('.')
      throw this.#failure(`its output is no credential: ${path}: ${issue.message}`)
    }
    if (result.output.apiVersion !== this.#plugin.apiVersion)
      throw this.#failure(`it speaks ${result.output.apiVersion}, not ${this.#plugin.apiVersion}`)
    return result.output
  }

  #failure(reason: string, cause?: unknown): KubeError {
    const hint = this.#plugin.installHint.trim().split('\n')[0]
    return new KubeError(
      'CREDENTIALS_UNAVAILABLE',
      `cannot get credentials from the exec plugin ${this.#plugin.command}: ${reason}`,
      hint || 'run it by hand to see what it needs',
      { cause },
    )
  }
}
