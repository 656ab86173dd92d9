import type { DNSConfig } from '../../gen/runtime.ts'
import { splitObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'
import { familyOf, type IpAddress } from '../../util/address.ts'
import { optionName } from '../host/resolv-conf.ts'

/** Who answers for the names of the cluster's Services and pods. */
export interface ClusterDns {
  readonly addresses: readonly IpAddress[]
  /** `cluster.local`; empty: its names are nowhere searched. */
  readonly domain: string
}

export interface DnsContext {
  /** Undefined where there is no cluster: pods then look up what the node does. */
  readonly cluster: ClusterDns | undefined
  /** As the node looks up names; undefined: it does not, and pods are to ask a server on their own loopback. */
  readonly host: DNSConfig | undefined
  readonly nodeAddresses: readonly IpAddress[]
}

/** Something about a pod's DNS that is not as it was asked for. Words as the kubelet's. */
export interface DnsWarning {
  readonly reason: 'MissingClusterDNS' | 'DNSConfigForming'
  readonly message: string
}

export interface FormedDns {
  readonly config: DNSConfig
  readonly warnings: readonly DnsWarning[]
}

/** A name of one label, or of few, is searched in the cluster before it is looked up as it stands. */
const CLUSTER_OPTIONS = ['ndots:5']

/** What resolvers take: `MAXNS` of glibc, and the API's own limits of a search list (KEP-2595). */
const LIMITS = { servers: 3, searches: 32, searchCharacters: 2048, domainCharacters: 253 }

/** The resolv.conf of a pod: what its policy gives, and its own `dnsConfig` on top. Pure. */
export function podDns(pod: Pod, context: DnsContext): FormedDns {
  const { config, warnings } = fromPolicy(pod, context)
  const { nameservers, searches, options } = pod.dns
  return withinLimits(
    {
      servers: unique([...config.servers, ...nameservers]),
      searches: unique([...config.searches, ...searches]),
      options: mergeOptions(
        config.options,
        options.map(({ name, value }) => (value === undefined || value === '' ? name : `${name}:${value}`)),
      ),
    },
    warnings,
  )
}

function fromPolicy(pod: Pod, { cluster, host, nodeAddresses }: DnsContext): FormedDns {
  const ofHost = host ?? onLoopback(nodeAddresses)
  const { policy } = pod.dns
  if (policy === 'None') return { config: { servers: [], searches: [], options: [] }, warnings: [] }
  const asksCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !pod.hostNetwork)
  if (!asksCluster || cluster === undefined) return { config: ofHost, warnings: [] }
  if (cluster.addresses.length === 0) return { config: ofHost, warnings: [missingClusterDns(pod)] }
  const { namespace } = splitObjectName(pod.name)
  const inCluster =
    cluster.domain === ''
      ? []
      : [`${namespace}.svc.${cluster.domain}`, `svc.${cluster.domain}`, cluster.domain]
  const searches = unique([...inCluster, ...(host?.searches ?? [])])
  return { config: { servers: [...cluster.addresses], searches, options: CLUSTER_OPTIONS }, warnings: [] }
}

/** What resolvers do without any server, written out, since a runtime would take the node's instead. */
function onLoopback(nodeAddresses: readonly IpAddress[]): DNSConfig {
  const servers = unique(nodeAddresses.map((address) => (familyOf(address) === 'IPv6' ? '::1' : '127.0.0.1')))
  return { servers: servers.length === 0 ? ['127.0.0.1'] : servers, searches: ['.'], options: [] }
}

function missingClusterDns({ name, uid }: Pod): DnsWarning {
  const { namespace, name: pod } = splitObjectName(name)
  return {
    reason: 'MissingClusterDNS',
    message:
      `pod: "${pod}_${namespace}(${uid})". kubelet does not have ClusterDNS IP configured and cannot create Pod using ` +
      '"ClusterFirst" policy. Falling back to "Default" policy.',
  }
}

/** A later option replaces an earlier one of its name. */
const mergeOptions = (before: readonly string[], added: readonly string[]): string[] => [
  ...new Map([...before, ...added].map((option) => [optionName(option), option])).values(),
]

function withinLimits({ servers, searches, options }: DNSConfig, before: readonly DnsWarning[]): FormedDns {
  const warnings = [...before]
  const warn = (message: string) => warnings.push({ reason: 'DNSConfigForming', message })
  const fewServers = servers.slice(0, LIMITS.servers)
  if (fewServers.length < servers.length)
    warn(
      'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ' +
        fewServers.join(' '),
    )
  const fewSearches = shortSearches(searches)
  if (fewSearches.length < searches.length)
    warn(
      'Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ' +
        fewSearches.join(' '),
    )
  return { config: { servers: fewServers, searches: fewSearches, options }, warnings }
}

/** As many domains from the front as fit into a search line; glibc before 2.29 aborts on one that is too long. */
function shortSearches(searches: readonly string[]): string[] {
  const fitting = searches
    .slice(0, LIMITS.searches)
    .filter((domain) => domain.length <= LIMITS.domainCharacters)
  while (fitting.join(' ').length > LIMITS.searchCharacters) fitting.pop()
  return fitting
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)]
