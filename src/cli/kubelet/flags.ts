import { resolve } from 'node:path'
import { type BindAddress, parseBindAddress } from '../../config/bind-address.ts'
import { hostNodeName, parseNodeName } from '../../config/node-name.ts'
import { type NodeTaint, parseNodeLabels, parseTaints } from '../../config/node-registration.ts'
import { parseRuntimeEndpoint } from '../../config/runtime-endpoint.ts'
import type { ReservedResources } from '../../kubelet/node/resources.ts'
import { type IpAddress, parseAddress } from '../../util/address.ts'
import { type FlagValues, nonEmpty, positive, value } from '../flags.ts'
import type { KubeletConfig } from './kubelet-config.ts'
import { NOTHING_RESERVED, parseReserved, reservedTogether } from './reserved-resources.ts'
import { nodeApiConfig, serverFlags } from './server-flags.ts'

const runtimeSocket = 'unix:///run/containerd/containerd.sock'
const healthAddress = '127.0.0.1:10248'

const file = (help: string) =>
  value<string | undefined>({
    metavar: 'FILE',
    help,
    fallback: undefined,
    parse: nonEmpty,
    must: 'a file',
  })

const reserved = (help: string) =>
  value<ReservedResources>({
    metavar: 'NAME=QUANTITY,…',
    help,
    fallback: NOTHING_RESERVED,
    shownDefault: 'nothing',
    parse: parseReserved,
    must: 'cpu, memory and ephemeral-storage with an amount each, such as cpu=500m,memory=1Gi',
  })

/** The node's name and its way to the API server. */
const identityFlags = {
  kubeconfig: file("How to reach the API server, with the node's own credentials."),
  'hostname-override': value({
    metavar: 'NAME',
    help: 'Name of this node.',
    fallback: hostNodeName(),
    shownDefault: "the host's name",
    parse: parseNodeName,
    must: 'a DNS name in lower case',
  }),
} as const

/** What the Node says of this machine. */
const registrationFlags = {
  'node-ip': value<readonly IpAddress[]>({
    metavar: 'IP[,IP]',
    help: 'Addresses of this node, at most one of each family.',
    fallback: [],
    shownDefault: 'those of the interface with the default route',
    parse: parseAddresses,
    must: 'an IP address, or one of each family joined by a comma',
  }),
  'node-labels': value<ReadonlyMap<string, string>>({
    metavar: 'KEY=VALUE,…',
    help: 'Labels of the Node, beside the well-known ones.',
    fallback: new Map(),
    parse: parseNodeLabels,
    must: 'pairs of key=value joined by commas',
  }),
  'register-with-taints': value<readonly NodeTaint[]>({
    metavar: 'KEY=VALUE:EFFECT,…',
    help: 'Taints of a Node that is made; one that is there keeps its own.',
    fallback: [],
    parse: parseTaints,
    must: 'key=value:NoSchedule, PreferNoSchedule or NoExecute, joined by commas',
  }),
  'max-pods': value({
    metavar: 'N',
    help: 'As many pods run here at most.',
    fallback: 110,
    shownDefault: '110',
    parse: positive,
    must: 'a number of 1 or more',
  }),
  'system-reserved': reserved('What pods are not given, for programs of the system.'),
  'kube-reserved': reserved('As --system-reserved, for this process and the runtime.'),
} as const

/** How pods look up names. */
const dnsFlags = {
  'cluster-dns': value<readonly IpAddress[]>({
    metavar: 'IP[,IP]',
    help: "The cluster's DNS servers, for pods that ask them first (dnsPolicy ClusterFirst).",
    fallback: [],
    shownDefault: 'none; pods then ask the servers of the node',
    parse: parseAddressList,
    must: 'IP addresses joined by commas',
  }),
  'cluster-domain': value({
    metavar: 'DOMAIN',
    help: 'Of names of Services and pods.',
    fallback: 'cluster.local',
    shownDefault: 'cluster.local',
    parse: parseNodeName,
    must: 'a DNS name in lower case',
  }),
  'resolv-conf': value<string | undefined>({
    metavar: 'FILE',
    help: 'How the node looks up names; empty: it does not.',
    fallback: undefined,
    shownDefault: "/etc/resolv.conf, or systemd-resolved's list of servers",
    parse: (text) => (text === '' ? text : resolve(text)),
    must: 'a file',
  }),
} as const

/** How pods run. */
const podFlags = {
  'container-runtime-endpoint': value({
    metavar: 'unix:///SOCKET',
    help: 'The CRI runtime.',
    fallback: runtimeSocket,
    shownDefault: runtimeSocket,
    parse: parseRuntimeEndpoint,
    must: 'unix:// and an absolute path',
  }),
  'root-dir': value({
    metavar: 'DIR',
    help: "Where pods' volumes are kept; /var/lib/kubelet goes on with those of upstream's kubelet.",
    fallback: '/var/lib/hawser/kubelet',
    shownDefault: '/var/lib/hawser/kubelet',
    parse: nonEmpty,
    must: 'a folder',
  }),
  'pod-manifest-path': value<string | undefined>({
    metavar: 'DIR',
    help: 'Pods of the node itself: each manifest in it runs, with an API server or without.',
    fallback: undefined,
    shownDefault: 'none',
    parse: nonEmpty,
    must: 'a folder',
  }),
  'pod-logs-dir': value({
    metavar: 'DIR',
    help: "Where containers' logs are written.",
    fallback: '/var/log/pods',
    shownDefault: '/var/log/pods',
    parse: nonEmpty,
    must: 'a folder',
  }),
  ...dnsFlags,
} as const

/** Where the process answers. */
export const healthFlags = {
  'healthz-bind-address': value<BindAddress | undefined>({
    metavar: 'IP:PORT',
    help: 'Where /healthz and /metrics are served; port 0 takes a free one.',
    fallback: parseBindAddress(healthAddress),
    shownDefault: healthAddress,
    parse: parseBindAddress,
    must: `an address and a port, such as ${healthAddress}`,
  }),
} as const

/** Every flag of the kubelet's part of a process, by the title that it stands under. */
export const kubeletFlagGroups = {
  'The node:': { ...identityFlags, ...registrationFlags },
  'Pods:': podFlags,
  'The API of the node:': serverFlags,
} as const

export const kubeletFlags = {
  ...kubeletFlagGroups['The node:'],
  ...kubeletFlagGroups['Pods:'],
  ...kubeletFlagGroups['The API of the node:'],
  ...healthFlags,
} as const

/** What the flags ask for, with paths made absolute. */
export function kubeletConfig(
  flags: FlagValues<typeof kubeletFlags>,
  kubeconfig: string,
  verbose: boolean,
): KubeletConfig {
  return {
    kubeconfig: resolve(kubeconfig),
    nodeName: flags['hostname-override'],
    nodeAddresses: flags['node-ip'],
    labels: flags['node-labels'],
    taints: flags['register-with-taints'],
    maxPods: flags['max-pods'],
    reserved: reservedTogether(flags['system-reserved'], flags['kube-reserved']),
    endpoint: flags['container-runtime-endpoint'],
    stateDir: resolve(flags['root-dir']),
    logsDir: resolve(flags['pod-logs-dir']),
    manifests: flags['pod-manifest-path'] === undefined ? undefined : resolve(flags['pod-manifest-path']),
    clusterDns: { addresses: flags['cluster-dns'], domain: flags['cluster-domain'] },
    resolvConf: flags['resolv-conf'],
    health: flags['healthz-bind-address'],
    nodeApi: nodeApiConfig(flags),
    verbose,
  }
}

function parseAddresses(text: string): readonly IpAddress[] | undefined {
  const addresses = parseAddressList(text)
  const families = new Set(addresses?.map((address) => address.includes(':')))
  return families.size === addresses?.length ? addresses : undefined
}

function parseAddressList(text: string): readonly IpAddress[] | undefined {
  const addresses = text.split(',').map((part) => parseAddress(part.trim()))
  const found = addresses.filter((address) => address !== undefined)
  return found.length === addresses.length ? found : undefined
}
