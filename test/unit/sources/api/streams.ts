import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { anonymous } from '../../../../src/kube/access/cluster-access.ts'
import { KubeClient } from '../../../../src/kube/client.ts'
import { eventually } from '../../../support/eventually.ts'

type Kind = 'services' | 'endpointslices' | 'nodes'

/** An API server whose watches say what a test writes into them. */
export class Streams {
  readonly #server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
    const kind = pathname.slice(pathname.lastIndexOf('/') + 1)
    this.selectors.set(kind, searchParams.get('labelSelector') ?? searchParams.get('fieldSelector') ?? '')
    response.writeHead(200)
    response.flushHeaders()
    this.#open.set(kind, response)
  })
  readonly #open = new Map<string, ServerResponse>()
  readonly selectors = new Map<string, string>()
  #resourceVersion = 1

  async client(): Promise<KubeClient> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const access = {
      name: 'test',
      server: new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`),
      authority: undefined,
      tlsServerName: undefined,
      insecureSkipTlsVerify: false,
      proxy: undefined,
      user: anonymous,
      namespace: 'default',
    }
    return new KubeClient({ access, userAgent: 'test', qps: 0, burst: 0 })
  }

  /** Waits for the watch, and sends events in one piece. */
  async say(kind: Kind, ...events: readonly (readonly [type: string, object: object])[]): Promise<void> {
    const response = await eventually(() => this.#open.get(kind))
    const lines = events.map(([type, object]) => {
      const metadata = 'metadata' in object && typeof object.metadata === 'object' ? object.metadata : {}
      const resourceVersion = String(++this.#resourceVersion)
      return `${JSON.stringify({ type, object: { ...object, metadata: { ...metadata, resourceVersion } } })}\n`
    })
    response.write(lines.join(''))
  }

  /** Everything has been sent. */
  complete(kind: Kind): Promise<void> {
    return this.say(kind, [
      'BOOKMARK',
      { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    ])
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
