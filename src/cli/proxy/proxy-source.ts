import type { Registry } from '../../metrics/registry.ts'
import type { Change } from '../../model/change.ts'
import { ApiSource } from '../../sources/api/api-source.ts'
import type { OwnNode } from '../../sources/api/own-node.ts'
import { FileSource } from '../../sources/files/file-source.ts'
import type { SourceUpdate } from '../../sources/source-update.ts'
import type { Logger } from '../../util/logger.ts'
import { openApiClient } from './api-client.ts'
import type { ProxyConfig } from './proxy-config.ts'

/** Where Services come from, while the proxy runs. */
export interface ProxySource {
  /** Every object as it is now; undefined until everything was said once. */
  objects(): readonly Change[]
  close(): Promise<void>
}

export interface SourceListener {
  /** Hears everything there is once, then what changed. */
  readonly onUpdate: (update: SourceUpdate) => void
  /** Hears of the own Node before the first update, then of every change; undefined: there is none. */
  readonly onNode: (node: OwnNode | undefined) => void
}

/** Given out to Services of type NodePort in a folder that name none; the API server's default. */
const NODE_PORTS = { first: 30_000, last: 32_767 }

/** Rejects when a folder cannot be listed or a kubeconfig not be used; an API server is waited for. */
export async function openSource(
  config: ProxyConfig,
  listener: SourceListener,
  { registry, log }: { readonly registry: Registry; readonly log: Logger },
): Promise<ProxySource> {
  const { source, nodeName, stateDir } = config
  if (source.kind === 'folder') {
    const files = await FileSource.open({
      folder: source.folder,
      nodeName,
      ranges: { clusterIPs: config.serviceCidrs, nodePorts: NODE_PORTS },
      stateDir,
      log,
      onUpdate: listener.onUpdate,
    })
    return { objects: () => files.objects(), close: async () => files.close() }
  }
  const client = await openApiClient(source, registry)
  const api = new ApiSource({ client, nodeName, log, ...listener })
  return {
    objects: () => api.objects(),
    close: async () => {
      await api.close()
      client.close()
    },
  }
}
