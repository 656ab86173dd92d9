import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import type { KubeRequest } from '../../../../src/kube/client.ts'
import { podStatus } from '../../../../src/kubelet/pods/status.ts'
import type { CriClient } from '../../../../src/kubelet/runtime/cri-client.ts'
import type { TlsMaterial, TlsSource } from '../../../../src/kubelet/server/certificate/tls-material.ts'
import { PodAccess } from '../../../../src/kubelet/server/pod-access.ts'
import {
  type KubeletServer,
  type KubeletServerOptions,
  serveKubelet,
} from '../../../../src/kubelet/server/serve-kubelet.ts'
import { podFolder } from '../../../../src/kubelet/volumes/pod-folder.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { type Certificate, CertificateAuthority } from '../../../cluster/harness/certificates.ts'
import { buildPod } from '../../../support/pod-builder.ts'
import { containerRecord, NOW, podState, sandboxRecord } from '../../../support/pod-records.ts'
import { address } from '../../../support/services.ts'

export const NODE = 'node-1'

/** An API server that knows tokens `good:USER` and lets those do all whose name begins with `admin`. */
export class ScriptedReviews {
  /** What it was asked. */
  readonly asked: { readonly kind: string; readonly spec: Record<string, unknown> }[] = []
  away = false
  /** Beside the admins: `USER VERB SUBRESOURCE`. */
  readonly allowed = new Set<string>()

  async json({ body }: KubeRequest): Promise<unknown> {
    const { kind, spec } = body as { readonly kind: string; readonly spec: Record<string, unknown> }
    this.asked.push({ kind, spec })
    if (this.away) throw new Error('connect ECONNREFUSED')
    return { status: kind === 'TokenReview' ? this.#token(String(spec.token)) : this.#access(spec) }
  }

  #token(token: string): object {
    const [verdict, username = ''] = token.split(':')
    return verdict === 'good'
      ? { authenticated: true, user: { username, groups: ['people'] } }
      : { authenticated: false }
  }

  #access(spec: Record<string, unknown>): object {
    const { verb, subresource } = spec.resourceAttributes as Record<string, string>
    const allowed =
      String(spec.user).startsWith('admin') || this.allowed.has(`${spec.user} ${verb} ${subresource}`)
    return { allowed }
  }
}

export interface Response {
  readonly status: number
  readonly body: string
}

export interface Client {
  readonly certificate?: Certificate | undefined
  readonly headers?: OutgoingHttpHeaders
}

/** The API of a node that has one pod, `default/web`, with a container `main`; its runtime serves at `runtimeUrl`. */
export class ServedNode {
  readonly reviews = new ScriptedReviews()
  readonly registry = new Registry()
  /** Every call that reached the runtime. */
  readonly runtimeCalls: string[] = []
  runtimeUrl = 'http://127.0.0.1:1/'
  readonly folder: string
  readonly authority: CertificateAuthority
  /** What TLS is made of from now on. */
  material: TlsMaterial
  /** How often that was looked at. */
  reads = 0
  #server: KubeletServer | undefined
  /** Connections are kept, by who they are of: handshakes take their time. */
  readonly #agents = new Map<string, Agent>()

  private constructor(folder: string, authority: CertificateAuthority, serving: Certificate) {
    this.folder = folder
    this.authority = authority
    this.material = {
      cert: readFileSync(serving.cert),
      key: readFileSync(serving.key),
      ca: readFileSync(authority.cert),
    }
  }

  static async start(): Promise<ServedNode> {
    const folder = await mkdtemp(join(tmpdir(), 'hw-'))
    const authority = await CertificateAuthority.create(folder)
    const serving = await authority.server('node', ['IP:127.0.0.1'])
    const node = new ServedNode(folder, authority, serving)
    await node.#serve()
    return node
  }

  async #serve(): Promise<void> {
    this.#server = await serveKubelet(this.options())
  }

  /** Of the server, which others can be started with. */
  options(): KubeletServerOptions {
    const records = { sandboxes: [sandboxRecord()], containers: [containerRecord({ id: 'main-id' })] }
    const state = podState(buildPod('web'), { records })
    const known = [{ state, status: podStatus(state, [], NOW) }]
    const tls: Pick<TlsSource, 'read'> = {
      read: async () => {
        this.reads++
        return this.material
      },
    }
    return {
      bind: { address: address('127.0.0.1'), port: 0 },
      nodeName: NODE,
      tls,
      reviews: this.reviews,
      lifetimes: { tokenMs: 120_000, allowedMs: 300_000, deniedMs: 30_000 },
      pods: new PodAccess({
        known: () => known,
        onNews: () => () => undefined,
        client: this.#runtime(),
        folderOf: ({ name, uid }) =>
          podFolder({ stateDir: this.folder, logsDir: join(this.folder, 'logs') }, name, uid),
      }),
      objects: () => [{ metadata: { name: 'web' } }],
      pages: new Map([
        ['healthz', () => ({ type: 'text/plain', body: 'ok' })],
        ['metrics', () => ({ type: 'text/plain', body: 'metrics' })],
        ['configz', () => ({ type: 'application/json', body: '{}' })],
      ]),
      registry: this.registry,
      log: silentLogger,
      rereadMs: 20,
    }
  }

  #runtime(): Pick<CriClient, 'exec' | 'attach' | 'portForward' | 'execSync'> {
    const called = (what: string): string => {
      this.runtimeCalls.push(what)
      return this.runtimeUrl
    }
    return {
      exec: async (id, command, streams) =>
        called(`exec ${id} ${command.join(' ')} ${JSON.stringify(streams)}`),
      attach: async (id) => called(`attach ${id}`),
      portForward: async (id, ports) => called(`portForward ${id} ${ports.join(',')}`),
      execSync: async (id, command) => {
        called(`execSync ${id} ${command.join(' ')}`)
        return { stdout: Buffer.from('ran\n'), stderr: Buffer.alloc(0), exitCode: 0 }
      },
    }
  }

  /** Upgrades that are granted end at once. */
  ask(method: string, path: string, client: Client = {}): Promise<Response> {
    return new Promise((resolve, reject) => {
      const request = this.#open(method, path, client)
      request.once('error', reject)
      request.once('upgrade', (response, socket) => {
        socket.destroy()
        resolve({ status: response.statusCode ?? 0, body: '' })
      })
      request.once('response', (response) => {
        textOf(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
      })
      request.end()
    })
  }

  /** A connection after its upgrade, with what came behind the answer's head. */
  upgrade(
    path: string,
    client: Client = {},
  ): Promise<{ response: IncomingMessage; socket: Socket; head: Buffer }> {
    return new Promise((resolve, reject) => {
      const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', ...client.headers }
      const request = this.#open('POST', path, { ...client, headers })
      request.once('error', reject)
      request.once('upgrade', (response, socket, head) => resolve({ response, socket, head }))
      request.once('response', (response) => reject(new Error(`no upgrade: ${response.statusCode}`)))
      request.end()
    })
  }

  get port(): number {
    return this.#server?.port ?? 0
  }

  async close(): Promise<void> {
    await this.#server?.close()
    this.#server = undefined
  }

  async dispose(): Promise<void> {
    for (const agent of this.#agents.values()) agent.destroy()
    await this.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  #open(method: string, path: string, { certificate, headers = {} }: Client): ClientRequest {
    const agent = this.#agent(certificate)
    return httpsRequest({ host: '127.0.0.1', port: this.port, method, path, headers, agent })
  }

  #agent(certificate: Certificate | undefined): Agent {
    const known = this.#agents.get(certificate?.cert ?? '')
    if (known !== undefined) return known
    const identity = certificate && {
      cert: readFileSync(certificate.cert),
      key: readFileSync(certificate.key),
    }
    const agent = new Agent({ keepAlive: true, ca: readFileSync(this.authority.cert), ...identity })
    this.#agents.set(certificate?.cert ?? '', agent)
    return agent
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let body = ''
  for await (const part of response.setEncoding('utf8')) body += part
  return body
}
