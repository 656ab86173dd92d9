import type { IpAddress } from '../util/address.ts'

/** Which servers a pod's names are asked of (core/v1 `DNSPolicy`). */
export type DnsPolicy = 'ClusterFirst' | 'ClusterFirstWithHostNet' | 'Default' | 'None'

/** core/v1 `dnsPolicy` and `dnsConfig`: what the policy gives, and what is added to it. */
export interface PodDns {
  readonly policy: DnsPolicy
  readonly nameservers: readonly IpAddress[]
  readonly searches: readonly string[]
  readonly options: readonly { readonly name: string; readonly value: string | undefined }[]
}

/** A line of the pod's /etc/hosts. */
export interface HostAlias {
  readonly ip: IpAddress
  readonly hostnames: readonly string[]
}
