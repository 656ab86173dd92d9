import { PLACES, SERVER_PORT } from '../support/service-world.ts'
import type { Target } from './load.ts'

const NODE_PORTS = { http: 30_080, dns: 30_053 } as const
const WEB = '10.96.0.10'
const STICKY = '10.96.0.11'

/** Others of the cluster, so that a transaction is more than a moment. */
const FILLERS = 300

/** A Service or an EndpointSlice as the API server takes it. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: 'Service' | 'EndpointSlice'
  readonly metadata: { readonly name: string; readonly namespace: string }
}

/** What the node serves: two Services that clients ask, of real endpoints, among many that nobody does. */
export const manifests = (endpoints: readonly string[]): readonly Manifest[] => [
  service('web', {
    type: 'NodePort',
    clusterIP: WEB,
    ports: [
      { name: 'http', port: 80, targetPort: SERVER_PORT, nodePort: NODE_PORTS.http },
      { name: 'dns', port: 53, targetPort: SERVER_PORT, nodePort: NODE_PORTS.dns, protocol: 'UDP' },
    ],
  }),
  slice('web', endpoints, [
    { name: 'http', port: SERVER_PORT, protocol: 'TCP' },
    { name: 'dns', port: SERVER_PORT, protocol: 'UDP' },
  ]),
  service('sticky', {
    clusterIP: STICKY,
    sessionAffinity: 'ClientIP',
    ports: [{ name: 'http', port: 80, targetPort: SERVER_PORT }],
  }),
  slice('sticky', endpoints, [{ name: 'http', port: SERVER_PORT, protocol: 'TCP' }]),
  ...Array.from({ length: FILLERS }, (_, index) => filler(index)).flat(),
]

/** Changes with every `turn`, so that there is always something to commit. */
export const changing = (turn: number): readonly Manifest[] => [
  service('changing', { clusterIP: '10.96.0.12', ports: [{ name: 'http', port: 80 }] }),
  slice('changing', [`10.3.0.${1 + (turn % 200)}`], [{ name: 'http', port: 80, protocol: 'TCP' }]),
]

const to = (name: string, protocol: Target['protocol'], address: string, port: number): Target => ({
  name,
  protocol,
  address,
  port,
})

const clusterIP = to('cluster IP', 'TCP', WEB, 80)
const clusterIPDatagrams = to('cluster IP', 'UDP', WEB, 53)
const nodePort = to('node port', 'TCP', PLACES.IPv4.node, NODE_PORTS.http)

/** What clients outside of the node use. */
export const outside = {
  targets: [clusterIP, clusterIPDatagrams, nodePort, to('cluster IP with affinity', 'TCP', STICKY, 80)],
  held: [clusterIP, clusterIP, nodePort, clusterIPDatagrams],
}

/** What clients on the node use. */
export const onNode = { targets: [clusterIP, clusterIPDatagrams], held: [clusterIP, clusterIPDatagrams] }

function filler(index: number): readonly Manifest[] {
  const name = `filler-${index}`
  const byte = index & 255
  const ports = [{ name: '', port: 8080, protocol: 'TCP' }]
  return [
    service(name, {
      clusterIP: `10.96.${1 + (index >> 8)}.${byte}`,
      ports: [{ port: 80, targetPort: 8080 }],
    }),
    slice(
      name,
      [1, 2, 3].map((last) => `10.${4 + (index >> 8)}.${byte}.${last}`),
      ports,
    ),
  ]
}

const service = (name: string, spec: object): Manifest & { readonly spec: object } => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec,
})

const slice = (name: string, endpoints: readonly string[], ports: readonly object[]): Manifest => {
  const object = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice' as const,
    metadata: {
      name: `${name}-1`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: 'IPv4',
    ports,
    endpoints: endpoints.map((address) => ({
      addresses: [address],
      conditions: { ready: true },
      nodeName: NODE_NAME,
    })),
  }
  return object
}

export const NODE_NAME = 'here'
