import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { kubeconfigAccess } from '../../src/kube/access/kubeconfig.ts'
import { KubeClient } from '../../src/kube/client.ts'
import type { Change } from '../../src/model/change.ts'
import type { EndpointSlice } from '../../src/model/endpoint-slice.ts'
import type { Service } from '../../src/model/service.ts'
import { ApiSource } from '../../src/sources/api/api-source.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { eventually } from '../support/eventually.ts'
import type { TestCluster } from './harness/test-cluster.ts'

/** A source that follows a test cluster, and what a listener knows who only ever heard its changes. */
export class FollowedCluster {
  readonly client: KubeClient
  readonly source: ApiSource
  /** Problems of the source as it logged them, by code. */
  readonly failures: string[] = []
  readonly #heard = new Map<string, Change>()
  readonly #cluster: TestCluster

  private constructor(cluster: TestCluster, client: KubeClient, livenessMs: number) {
    this.#cluster = cluster
    this.client = client
    const note = (fields: object): void => {
      if ('code' in fields) this.failures.push(String(fields.code))
    }
    this.source = new ApiSource({
      client: this.client,
      nodeName: 'node-1',
      log: { ...silentLogger, debug: note, info: note, warn: note },
      onUpdate: ({ changes }) => {
        for (const change of changes) {
          const key = `${change.kind} ${change.name}`
          if (change.object === undefined) this.#heard.delete(key)
          else this.#heard.set(key, change)
        }
      },
      backoff: { firstMs: 50, maxMs: 500 },
      livenessMs,
    })
  }

  static async start(
    cluster: TestCluster,
    kubeconfig: string,
    livenessMs = 60_000,
  ): Promise<FollowedCluster> {
    const access = await kubeconfigAccess({ file: kubeconfig })
    const options = { access, userAgent: 'hawser-test', qps: 0, burst: 0, requestTimeoutMs: 10_000 }
    return new FollowedCluster(cluster, new KubeClient(options), livenessMs)
  }

  /** Waits until what was heard is what kubectl lists. */
  async whenEqual(limitMs = 30_000): Promise<void> {
    const listed = await this.#listed()
    await eventually(() => {
      const heard = [...this.#heard.values()].flatMap(summary).sort()
      const wrong = difference(listed, heard)
      if (wrong.length > 0) throw new Error(`the source and kubectl differ: ${wrong.slice(0, 5).join('; ')}`)
      return true
    }, limitMs)
  }

  async close(): Promise<void> {
    await this.source.close()
    this.client.close()
  }

  async #listed(): Promise<readonly string[]> {
    const kubectl = join(this.#cluster.place.binaries, 'kubectl')
    const args = [
      `--kubeconfig=${this.#cluster.kubeconfig}`,
      'get',
      'services,endpointslices',
      '-A',
      '-o',
      'json',
    ]
    const { stdout } = await promisify(execFile)(kubectl, args, { maxBuffer: 256 * 1024 * 1024 })
    const { items } = JSON.parse(stdout) as { items: readonly Listed[] }
    return items.map(listedSummary).sort()
  }
}

/** The parts of what kubectl prints that are compared. */
interface Listed {
  readonly kind: string
  readonly metadata: { readonly namespace: string; readonly name: string }
  readonly spec?: { readonly clusterIP: string; readonly ports: readonly { readonly port: number }[] }
  readonly ports?: readonly { readonly port: number }[]
  readonly endpoints?: readonly { readonly addresses: readonly string[] }[]
}

function listedSummary({ kind, metadata, spec, ports, endpoints }: Listed): string {
  const name = `${metadata.namespace}/${metadata.name}`
  if (kind === 'Service') return `${kind} ${name} ${spec?.clusterIP} ${spec?.ports.map((port) => port.port)}`
  const addresses = (endpoints ?? []).map((endpoint) => endpoint.addresses[0])
  return `${kind} ${name} ${addresses} ${(ports ?? []).map((port) => port.port)}`
}

function summary({ kind, name, object }: Change): readonly string[] {
  if (object === undefined) return []
  if (kind === 'Service') return [`${kind} ${name} ${serviceParts(object as Service)}`]
  return kind === 'EndpointSlice' ? [`${kind} ${name} ${sliceParts(object as EndpointSlice)}`] : []
}

const serviceParts = ({ clusterIPs, ports }: Service): string =>
  `${clusterIPs[0]} ${ports.map((port) => port.port)}`

const sliceParts = ({ endpoints, ports }: EndpointSlice): string =>
  `${endpoints.map((endpoint) => endpoint.address)} ${ports.map((port) => port.port)}`

function difference(expected: readonly string[], actual: readonly string[]): readonly string[] {
  const [wanted, got] = [new Set(expected), new Set(actual)]
  return [
    ...expected.filter((line) => !got.has(line)).map((line) => `missing ${line}`),
    ...actual.filter((line) => !wanted.has(line)).map((line) => `too many ${line}`),
  ]
}
