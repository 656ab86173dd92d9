import { type FreshNetns, freshNetns } from '../netns.ts'
import type { Teardown } from '../teardown.ts'

/** A client and a server with a node between them that routes; nothing on the node looks at packets yet. */
export interface Topology {
  readonly client: FreshNetns
  readonly node: FreshNetns
  /** Has the address of every synthetic pod: a listener on any address answers for all of them. */
  readonly server: FreshNetns
}

/** Where endpoints of the synthetic cluster are: the lower half of its range of pods. */
const endpointRange = '10.128.0.0/10'
/** Endpoints that `endpointRange` has room for. */
export const mostEndpoints = 2 ** 22
/** Of the upper half: the client is a pod, so that nobody has a reason to masquerade it. */
const clientSide = { node: '10.255.0.1', own: '10.255.0.2' }
const serverSide = { node: '10.254.0.1', own: '10.254.0.2' }

/** Makes three network namespaces and their routes; `teardown` removes them. */
export async function makeTopology(teardown: Teardown): Promise<Topology> {
  const client = await freshNetns(teardown)
  const node = await freshNetns(teardown)
  const server = await freshNetns(teardown)
  await link(node, 'client', client, clientSide)
  await link(node, 'server', server, serverSide)
  await node.run('ip', 'route', 'add', endpointRange, 'via', serverSide.own)
  await server.run('ip', 'route', 'add', 'local', endpointRange, 'dev', 'lo')
  await setSysctls(node, { 'ipv4/ip_forward': '1' })
  // The kernel would keep a line for every pod that the client has met, of the direct way alone.
  await setSysctls(client, { 'ipv4/tcp_no_metrics_save': '1', 'ipv4/ip_local_port_range': '2048 65000' })
  return { client, node, server }
}

/**
 * Has connections of TCP end and requests of UDP be forgotten soon, so that what is left over from them does not grow
 * from one measurement to the next. The settings come with the first rule that tracks connections.
 */
export const forgetSoon = (node: FreshNetns): Promise<void> =>
  setSysctls(node, {
    'netfilter/nf_conntrack_tcp_timeout_close': '5',
    'netfilter/nf_conntrack_udp_timeout': '5',
    'netfilter/nf_conntrack_udp_timeout_stream': '5',
  })

async function link(
  node: FreshNetns,
  name: string,
  other: FreshNetns,
  addresses: { readonly node: string; readonly own: string },
): Promise<void> {
  await node.run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', other.name)
  for (const [netns, device, address] of [
    [node, name, addresses.node],
    [other, 'eth0', addresses.own],
  ] as const) {
    await netns.run('ip', 'address', 'add', `${address}/30`, 'dev', device)
    await netns.run('ip', 'link', 'set', device, 'up')
  }
  await other.run('ip', 'route', 'add', 'default', 'via', addresses.node)
}

/** Of the namespace: /proc/sys/net is that of the process which opens it. */
async function setSysctls(netns: FreshNetns, values: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, value] of Object.entries(values))
    await netns.run('sh', '-c', `echo ${value} > /proc/sys/net/${path}`)
}
