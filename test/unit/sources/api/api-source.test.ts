import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KubeClient } from '../../../../src/kube/client.ts'
import { ApiSource } from '../../../../src/sources/api/api-source.ts'
import type { OwnNode } from '../../../../src/sources/api/own-node.ts'
import type { SourceUpdate } from '../../../../src/sources/source-update.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { eventually } from '../../../support/eventually.ts'
import { Streams } from './streams.ts'

const service = (name: string, port: number | string = 80) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'], ports: [{ port, protocol: 'TCP' }] },
})

const slice = (name: string, address: string) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  ports: [{ port: 8080 }],
  endpoints: [{ addresses: [address] }],
})

const node = (address: string) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node-1', labels: { 'topology.kubernetes.io/zone': 'a' } },
  spec: { podCIDR: '10.1.0.0/24', taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] },
  status: {
    addresses: [
      { type: 'Hostname', address: 'node-1' },
      { type: 'InternalIP', address },
    ],
  },
})

let streams: Streams
let client: KubeClient
let source: ApiSource
let updates: SourceUpdate[]
let nodes: (OwnNode | undefined)[]

beforeEach(async () => {
  streams = new Streams()
  client = await streams.client()
  updates = []
  nodes = []
  source = new ApiSource({
    client,
    nodeName: 'node-1',
    log: silentLogger,
    onUpdate: (update) => updates.push(update),
    onNode: (own) => nodes.push(own),
  })
})
afterEach(async () => {
  await source.close()
  client.close()
  await streams.close()
})

const said = () => updates.map(({ changes }) => changes.map(({ kind, name }) => `${kind} ${name}`))
const updated = (count: number) => eventually(() => (updates.length >= count ? true : undefined))

async function begin(): Promise<void> {
  await streams.say('services', ['ADDED', service('web')])
  await streams.say('endpointslices', ['ADDED', slice('web-1', '10.1.0.1')])
  await streams.say('nodes', ['ADDED', node('192.0.2.1')])
  for (const kind of ['services', 'endpointslices', 'nodes'] as const) await streams.complete(kind)
  await updated(1)
}

describe('the API source', () => {
  it('says nothing before it knows everything, then all of it together', async () => {
    await streams.say('services', ['ADDED', service('web')])
    await streams.complete('services')
    await streams.complete('nodes')
    await streams.say('endpointslices', ['ADDED', slice('web-1', '10.1.0.1')])
    await eventually(() => (source.services.size === 1 ? true : undefined))
    expect([updates, nodes, source.synced]).toEqual([[], [], false])
    await streams.complete('endpointslices')
    await updated(1)
    expect(said()).toEqual([['Service default/web', 'EndpointSlice default/web-1']])
    expect(nodes).toEqual([undefined])
  })

  it('asks the server for what concerns a proxy only', async () => {
    await begin()
    const selector = '!service.kubernetes.io/service-proxy-name,!service.kubernetes.io/headless'
    expect(streams.selectors).toEqual(
      new Map([
        ['services', selector],
        ['endpointslices', selector],
        ['nodes', 'metadata.name=node-1'],
      ]),
    )
  })

  it('says changes that came together in one update, the last state of each object', async () => {
    await begin()
    await streams.say(
      'services',
      ['MODIFIED', service('web', 81)],
      ['MODIFIED', service('web', 82)],
      ['ADDED', service('api')],
    )
    await updated(2)
    expect(said()[1]).toEqual(['Service default/web', 'Service default/api'])
    const [web] = updates[1]?.changes ?? []
    expect(web).toMatchObject({ object: { ports: [{ port: 82 }] } })
    await streams.say('services', ['DELETED', service('web')])
    await updated(3)
    expect(updates[2]?.changes).toEqual([{ kind: 'Service', name: 'default/web', object: undefined }])
  })

  it('keeps the last good state of an object that turned wrong, and says what is wrong', async () => {
    await begin()
    await streams.say('services', ['MODIFIED', service('web', 'eighty')])
    await updated(2)
    expect(updates[1]?.changes).toEqual([])
    expect(updates[1]?.problems).toMatchObject([
      { place: 'Service default/web', severity: 'error', remedy: 'the last good state stays in force' },
    ])
    expect(updates[1]?.problems[0]?.reason).toContain('spec.ports[0].port must be a number')
    expect(source.services.get('default/web')?.ports[0]?.port).toBe(80)
    await streams.say('services', ['MODIFIED', service('web', 82)])
    await updated(3)
    expect(updates[2]).toMatchObject({ changes: [{ object: { ports: [{ port: 82 }] } }], problems: [] })
  })

  it('forgets what was wrong with an object that is gone', async () => {
    await begin()
    await streams.say('services', ['ADDED', service('bad', 0)])
    await eventually(() => (source.problems.length === 1 ? true : undefined))
    await streams.say('services', ['DELETED', service('bad', 0)])
    await eventually(() => (source.problems.length === 0 ? true : undefined))
    expect(said().slice(1).flat()).toEqual([])
  })

  it('forgets what was wrong with an object that went before everything was known', async () => {
    await streams.say('services', ['ADDED', service('bad', 0)], ['DELETED', service('bad', 0)])
    await begin()
    expect(updates[0]?.problems).toEqual([])
  })

  it('follows its own Node', async () => {
    await begin()
    expect(nodes).toMatchObject([
      {
        name: 'node-1',
        internalIPs: ['192.0.2.1'],
        podCidrs: [{ address: '10.1.0.0', prefix: 24 }],
        zone: 'a',
        taints: ['ToBeDeletedByClusterAutoscaler'],
        deleting: false,
      },
    ])
    await streams.say('nodes', ['MODIFIED', node('192.0.2.2')], ['DELETED', node('192.0.2.2')])
    await eventually(() => (nodes.length === 2 ? true : undefined))
    expect(nodes[1]).toBeUndefined()
  })

  it('says nothing once it is closed', async () => {
    await begin()
    await streams.say('services', ['ADDED', service('api')])
    await source.close()
    const count = updates.length
    await setImmediate()
    expect(updates).toHaveLength(count)
  })
})
