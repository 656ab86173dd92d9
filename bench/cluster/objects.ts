import type { KubeClient } from '../../src/kube/client.ts'

const SERVICES = '/api/v1/namespaces/default/services'
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'

/** The node that every measured proxy is told to be on. */
export const NODE_NAME = 'node-0'
export const NODE_ADDRESS = '192.0.2.10'
export const POD_RANGE = '10.128.0.0/9'

/** Most Services that the API server's range of cluster IPs has room for, marks included. */
export const MAX_SERVICES = 60_000

/** A Service with one endpoint that answers: where it is in force shows in the kernel, by a connection. */
export interface Mark {
  readonly name: string
  readonly clusterIP: string
}

/** The first and the last Service that is made: a proxy that serves both has programmed all. */
export const FIRST_MARK: Mark = { name: 'mark-first', clusterIP: '10.96.0.100' }
export const LAST_MARK: Mark = { name: 'mark-last', clusterIP: '10.96.255.200' }

/** The marks' endpoints: addresses of every measured namespace itself. A mark has one of them. */
export const MARK_ENDPOINTS = ['10.128.0.1', '10.128.0.2'] as const
export type MarkEndpoint = (typeof MARK_ENDPOINTS)[number]
export const MARK_ENDPOINT_PORT = 9_000
export const MARK_PORT = 80

/** Pods of a well-filled node. */
const PODS_PER_NODE = 100
const CREATORS = 8

/** Fills an API server with `services` Services of `endpoints` ready endpoints each, the marks around them. */
export async function createObjects(client: KubeClient, services: number, endpoints: number): Promise<void> {
  await createNode(client)
  // Refused for a moment, until the API server has set up its range.
  await retried(() => createService(client, markService(FIRST_MARK)))
  await createMarkSlice(client, FIRST_MARK)
  let next = 0
  const work = async (): Promise<void> => {
    for (let index = next++; index < services; index = next++) {
      await createService(client, service(index))
      await client.json({ method: 'POST', path: SLICES, body: slice(index, endpoints) })
    }
  }
  await Promise.all(Array.from({ length: CREATORS }, work))
  await createService(client, markService(LAST_MARK))
  await createMarkSlice(client, LAST_MARK)
}

/** Replaces the endpoint of the last mark. */
export const setMark = (client: KubeClient, endpoint: MarkEndpoint): Promise<unknown> =>
  client.json({
    method: 'PATCH',
    path: `${SLICES}/${LAST_MARK.name}`,
    contentType: 'application/merge-patch+json',
    body: { endpoints: [markEndpoint(endpoint)] },
  })

/** For a watch of the last mark's slice alone. */
export const MARK_WATCH = {
  path: SLICES,
  query: { watch: true, fieldSelector: `metadata.name=${LAST_MARK.name}` },
} as const

async function createNode(client: KubeClient): Promise<void> {
  await client.json({
    method: 'POST',
    path: '/api/v1/nodes',
    body: { metadata: { name: NODE_NAME }, spec: { podCIDR: POD_RANGE } },
  })
  await client.json({
    method: 'PATCH',
    path: `/api/v1/nodes/${NODE_NAME}/status`,
    contentType: 'application/merge-patch+json',
    body: { status: { addresses: [{ type: 'InternalIP', address: NODE_ADDRESS }] } },
  })
}

const createService = (client: KubeClient, body: object): Promise<unknown> =>
  client.json({ method: 'POST', path: SERVICES, body })

const createMarkSlice = (client: KubeClient, { name }: Mark): Promise<unknown> =>
  client.json({
    method: 'POST',
    path: SLICES,
    body: {
      ...sliceOf(name, MARK_ENDPOINT_PORT),
      endpoints: [markEndpoint(MARK_ENDPOINTS[0])],
    },
  })

const markEndpoint = (address: MarkEndpoint): object => ({
  addresses: [address],
  conditions: { ready: true, serving: true, terminating: false },
  nodeName: NODE_NAME,
})

const markService = ({ name, clusterIP }: Mark): object => ({
  metadata: { name },
  spec: { clusterIP, ports: [{ port: MARK_PORT, targetPort: MARK_ENDPOINT_PORT }] },
})

const service = (index: number): object => ({
  metadata: { name: `service-${index}`, labels: { app: `app-${index}` } },
  spec: {
    clusterIP: `10.96.${1 + (index >> 8)}.${index & 255}`,
    ports: [{ port: 80, targetPort: 8080 }],
  },
})

function slice(index: number, endpoints: number): object {
  return {
    ...sliceOf(`service-${index}`, 8080),
    endpoints: Array.from({ length: endpoints }, (_, i) => {
      const pod = 256 + index * endpoints + i
      return {
        addresses: [`10.${128 + (pod >> 16)}.${(pod >> 8) & 255}.${pod & 255}`],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: `node-${Math.floor(pod / PODS_PER_NODE)}`,
        targetRef: { kind: 'Pod', namespace: 'default', name: `pod-${pod}` },
      }
    }),
  }
}

const sliceOf = (name: string, port: number): object => ({
  metadata: { name, labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports: [{ name: '', port, protocol: 'TCP' }],
})

async function retried(attempt: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    try {
      await attempt()
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
