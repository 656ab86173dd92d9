import type { KubeClient } from '../../src/kube/client.ts'

/** Requests that are under way at once: an API server on a busy machine takes no more profit from. */
const PARALLEL = 16

export async function inParallel(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < count) await act(next++)
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
}

const name = (index: number): string => `web-${index}`

/** Service `web-N` of the namespace default, and its EndpointSlice with `endpoints` addresses. */
export async function createService(client: KubeClient, index: number, endpoints = 2): Promise<void> {
  await client.json({
    method: 'POST',
    path: '/api/v1/namespaces/default/services',
    body: { metadata: { name: name(index) }, spec: { ports: [{ port: 80, targetPort: 8080 }] } },
  })
  await client.json({
    method: 'POST',
    path: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
    body: {
      metadata: { name: name(index), labels: { 'kubernetes.io/service-name': name(index) } },
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080 }],
      endpoints: addresses(index, endpoints),
    },
  })
}

export const setEndpoints = (client: KubeClient, index: number, endpoints: number): Promise<unknown> =>
  client.json({
    method: 'PATCH',
    path: `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/${name(index)}`,
    contentType: 'application/merge-patch+json',
    body: { endpoints: addresses(index, endpoints) },
  })

export async function deleteService(client: KubeClient, index: number): Promise<void> {
  const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
  await client.json({ method: 'DELETE', path: `/api/v1/namespaces/default/services/${name(index)}` })
  await client.json({ method: 'DELETE', path: `${slices}/${name(index)}` })
}

const addresses = (index: number, count: number): readonly object[] =>
  Array.from({ length: count }, (_, i) => ({
    addresses: [`10.${200 + (index >> 8)}.${index & 255}.${i + 1}`],
    conditions: { ready: true },
  }))
