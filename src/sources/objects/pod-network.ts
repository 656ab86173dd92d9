import * as v from 'valibot'
import type { HostAlias, PodDns } from '../../model/pod-network.ts'
import { dnsLabel } from './names.ts'
import { ipAddress } from './network-fields.ts'

const searchDomain = v.pipe(
  v.string(),
  v.regex(/^(\.|[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?\.?)$/, 'must be a DNS domain'),
)

/** The fields of a core/v1 PodSpec that say who a pod is in the network, and where it looks up others. */
export const networkFields = {
  hostNetwork: v.nullish(v.boolean(), false),
  hostname: v.nullish(v.union([v.literal(''), dnsLabel]), ''),
  subdomain: v.nullish(v.union([v.literal(''), dnsLabel]), ''),
  setHostnameAsFQDN: v.nullish(v.boolean(), false),
  hostAliases: v.nullish(
    v.array(v.object({ ip: ipAddress, hostnames: v.nullish(v.array(v.string()), []) })),
    [],
  ),
  // API server default.
  dnsPolicy: v.nullish(
    v.picklist(['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None']),
    'ClusterFirst',
  ),
  dnsConfig: v.nullish(
    v.object({
      nameservers: v.nullish(v.array(ipAddress), []),
      searches: v.nullish(v.array(searchDomain), []),
      options: v.nullish(v.array(v.object({ name: v.string(), value: v.nullish(v.string()) })), []),
    }),
    {},
  ),
  enableServiceLinks: v.nullish(v.boolean(), true),
}

const known = v.object(networkFields)
type Written = v.InferOutput<typeof known>

/** The part of a pod that {@link networkFields} say; its host name is empty where none is written. */
export interface PodNetwork {
  readonly hostNetwork: boolean
  readonly hostname: string
  readonly subdomain: string
  readonly setHostnameAsFqdn: boolean
  readonly hostAliases: readonly HostAlias[]
  readonly dns: PodDns
  readonly enableServiceLinks: boolean
}

export const toPodNetwork = (written: Written): PodNetwork => ({
  hostNetwork: written.hostNetwork,
  hostname: written.hostname,
  subdomain: written.subdomain,
  setHostnameAsFqdn: written.setHostnameAsFQDN,
  hostAliases: written.hostAliases,
  dns: {
    policy: written.dnsPolicy,
    nameservers: written.dnsConfig.nameservers,
    searches: written.dnsConfig.searches,
    options: written.dnsConfig.options.map(({ name, value }) => ({ name, value: value ?? undefined })),
  },
  enableServiceLinks: written.enableServiceLinks,
})
