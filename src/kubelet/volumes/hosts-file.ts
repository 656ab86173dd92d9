import type { Pod } from '../../model/pod.ts'
import type { IpAddress } from '../../util/address.ts'
import { podDomain } from '../pods/pod-hostname.ts'

/** Tools look for these words, which are the kubelet's, to tell whose file it is. */
const HEADER = '# Kubernetes-managed hosts file.\n'
const HEADER_OF_NODE = '# Kubernetes-managed hosts file (host network).\n'

const LOOPBACK = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`

export interface HostsContext {
  readonly podIPs: readonly IpAddress[]
  readonly clusterDomain: string
  /** The node's own file, for a pod in its network. */
  readonly ofNode: string
}

/** The /etc/hosts of a pod: the names that it knows by itself. Pure. */
export function hostsFile(pod: Pod, { podIPs, clusterDomain, ofNode }: HostsContext): string {
  if (pod.hostNetwork) return HEADER_OF_NODE + ofNode + aliases(pod)
  const domain = podDomain(pod, clusterDomain)
  const names = domain === '' ? pod.hostname : `${pod.hostname}.${domain}\t${pod.hostname}`
  return HEADER + LOOPBACK + podIPs.map((address) => `${address}\t${names}\n`).join('') + aliases(pod)
}

const aliases = ({ hostAliases }: Pod): string =>
  hostAliases.length === 0
    ? ''
    : '\n# Entries added by HostAliases.\n' +
      hostAliases.map(({ ip, hostnames }) => `${[ip, ...hostnames].join('\t')}\n`).join('')
