import type { KubeClient } from '../../kube/client.ts'
import type { KubeError } from '../../kube/error.ts'
import type { Registry } from '../../metrics/registry.ts'
import type { Change } from '../../model/change.ts'
import type { Problem } from '../../model/problem.ts'
import { ApiSource } from '../../sources/api/api-source.ts'
import type { OwnNode } from '../../sources/api/own-node.ts'
import { FileSource } from '../../sources/files/file-source.ts'
import type { NodeFeed } from '../../sources/node-feed.ts'
import type { SourceUpdate } from '../../sources/source-update.ts'
import type { Cidr } from '../../util/address.ts'
import type { Logger } from '../../util/logger.ts'
import { openApiClient } from './api-client.ts'
import type { ProxyConfig } from './proxy-config.ts'

/** Where Services come from, while the proxy runs. */
export interface ProxySource {
  /** Every object as it is now. */
  objects(): readonly Change[]
  /** Why they may be behind. */
  problems(): readonly Problem[]
  close(): Promise<void>
}

export interface SourceListener {
  /** Hears everything there is once, then what changed. */
  readonly onUpdate: (update: SourceUpdate) => void
  /** Hears of the own Node before the first update, then of every change; undefined: there is none. */
  readonly onNode: (node: OwnNode | undefined) => void
  /** Hears of the ranges of cluster IPs likewise. */
  readonly onServiceCidrs: (cidrs: readonly Cidr[]) => void
}

/** Given out to Services of type NodePort in a folder that name none; the API server's default. */
const NODE_PORTS = { first: 30_000, last: 32_767 }

/** What the configuration says, with a client where it says an API server. */
export type SourcePlace =
  | { readonly kind: 'folder'; readonly folder: string; readonly stateDir: string }
  | {
      readonly kind: 'api'
      readonly client: KubeClient
      /** The manifest that gives the client's identity what it needs. */
      readonly rights: string
      /** Undefined: the own Node is watched beside Services. */
      readonly node?: NodeFeed
    }

/** Rejects with a KubeError `KUBECONFIG_INVALID` or `NOT_IN_CLUSTER`. */
export async function sourcePlace(
  { source, stateDir }: Pick<ProxyConfig, 'source' | 'stateDir'>,
  registry: Registry,
): Promise<SourcePlace> {
  if (source.kind === 'folder') return { ...source, stateDir }
  return { kind: 'api', client: await openApiClient(source, registry), rights: PROXY_RIGHTS }
}

/** Rejects when a folder cannot be listed; an API server is waited for. */
export async function openSource(
  place: SourcePlace,
  { nodeName, serviceCidrs = [] }: Pick<ProxyConfig, 'nodeName' | 'serviceCidrs'>,
  listener: SourceListener,
  log: Logger,
): Promise<ProxySource> {
  if (place.kind === 'folder') {
    const files = await FileSource.open({
      folder: place.folder,
      nodeName,
      ranges: { clusterIPs: serviceCidrs, nodePorts: NODE_PORTS },
      stateDir: place.stateDir,
      log,
      onUpdate: listener.onUpdate,
    })
    return { objects: () => files.objects(), problems: () => [], close: async () => files.close() }
  }
  const { client, node } = place
  const api = new ApiSource({ client, node, nodeName, log, ...listener })
  return {
    objects: () => api.objects(),
    problems: () => (api.problem === undefined ? [] : [behind(api.problem, api.synced, place.rights)]),
    close: () => api.close(),
  }
}

/** The role `system:node-proxier`, for the service account that it names. */
const PROXY_RIGHTS = 'deploy/kube-proxy-replacement/rbac.yaml'

function behind({ message, status }: KubeError, hasSynced: boolean, rights: string): Problem {
  const meanwhile = hasSynced ? 'the last state stays in force' : 'until then the kernel stays as it is'
  const remedy = status === 403 ? `kubectl apply -f ${rights}; ${meanwhile}` : meanwhile
  return { place: 'the API server', severity: 'error', reason: message, remedy }
}
