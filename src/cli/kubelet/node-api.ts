import { join } from 'node:path'
import type { Kubelet } from '../../kubelet/kubelet.ts'
import type { NodeIdentity } from '../../kubelet/node/node-object.ts'
import { TlsSource } from '../../kubelet/server/certificate/tls-material.ts'
import { jsonPage, metricsPage, type Page, type Pages } from '../../kubelet/server/page.ts'
import { servedPod } from '../../kubelet/server/pod-lists.ts'
import { serveKubelet } from '../../kubelet/server/serve-kubelet.ts'
import type { Registry } from '../../metrics/registry.ts'
import { scrape } from '../../metrics/rendered.ts'
import type { PodObject } from '../../sources/api/pod-source.ts'
import type { Logger } from '../../util/logger.ts'
import type { Teardown } from '../process/teardown.ts'
import type { ApiClients } from './api-clients.ts'
import type { NodeApiConfig } from './server-flags.ts'

export interface NodeApiOptions extends Pick<ApiClients, 'leaseClient' | 'authority'> {
  /** Undefined: nothing is served. */
  readonly nodeApi?: NodeApiConfig | undefined
  readonly identity: Pick<NodeIdentity, 'name' | 'addresses'>
  /** An own certificate is kept in it. */
  readonly stateDir: string
  readonly kubelet: Kubelet
  /** The pods of this node as the API server has them. */
  readonly objects: () => Iterable<PodObject>
  /** `containerd` */
  readonly runtimeName: string
  /** The KubeletConfiguration in force; `/configz` is not there without it. */
  readonly configuration?: () => unknown
  /** Pages on what pods use. */
  readonly stats: Pages
  readonly registry: Registry
  readonly log: Logger
}

/** Serves the node's API, the kubelet's port. Rejects with a ServerError. */
export async function serveNodeApi(options: NodeApiOptions, teardown: Teardown): Promise<void> {
  const { nodeApi, kubelet, registry, log } = options
  if (nodeApi === undefined) return
  const server = await serveKubelet({
    ...{ bind: nodeApi.bind, lifetimes: nodeApi.lifetimes, registry, log },
    nodeName: options.identity.name,
    tls: tlsSource(nodeApi, options),
    // Requests of others wait in no line, as heartbeats do.
    reviews: options.leaseClient,
    pods: kubelet.access,
    objects: () => podObjects(options),
    pages: pagesOf(options),
  })
  teardown.add("the node's API", () => server.close())
}

function tlsSource(
  { certificate, clientAuthority }: NodeApiConfig,
  { authority, stateDir, identity: { name, addresses } }: NodeApiOptions,
): TlsSource {
  return new TlsSource({
    files: certificate,
    clientAuthority: clientAuthority === undefined ? authority : { kind: 'file', path: clientAuthority },
    folder: join(stateDir, 'pki'),
    names: { nodeName: name, addresses },
  })
}

function podObjects({ objects, kubelet, identity, runtimeName }: NodeApiOptions): readonly object[] {
  const statuses = new Map(kubelet.statuses().map((status) => [status.uid, status]))
  const context = { hostIPs: identity.addresses, runtimeName }
  return [...objects()].map((object) => servedPod(object, statuses, context))
}

function pagesOf({ registry, stats, configuration }: NodeApiOptions): Pages {
  const pages = new Map<string, () => Promise<Page> | Page>([
    ['healthz', () => ({ type: 'text/plain; charset=utf-8', body: 'ok' })],
    ['metrics', async () => metricsPage(await scrape(registry))],
    ...stats,
  ])
  if (configuration !== undefined) pages.set('configz', () => jsonPage(configuration()))
  return pages
}
