import type { Cidr, IpAddress, IpFamily } from '../util/address.ts'

/** kube-proxy's default masqueradeBit, 14. */
export const DEFAULT_MASQUERADE_MARK = 0x4000

/** Interfaces that packets of pods come in by. */
export interface PodInterface {
  readonly name: string
  /** All interfaces whose names begin with `name`. */
  readonly isPrefix: boolean
}

/** All that the rules of one family depend on besides the frontends. Addresses and CIDRs are of that family. */
export interface FamilyConfig {
  readonly family: IpFamily
  /** Addresses in here that no Service has are dropped, unknown ports of those that one has are rejected. */
  readonly serviceCidrs: readonly Cidr[]
  /** Clients of a cluster IP from outside of these are masqueraded; empty: nobody is outside. */
  readonly podCidrs: readonly Cidr[]
  /** Tells pods from other clients, by where they come in instead of by `podCidrs`. */
  readonly podInterface?: PodInterface
  /** Where node ports answer. */
  readonly nodeAddresses: readonly IpAddress[]
  /** Masquerade what pods send to places outside of the pod and service CIDRs. */
  readonly masqueradePodEgress: boolean
  /** The one bit of a packet's mark by which rules that find a reason to masquerade tell those that do it. */
  readonly masqueradeMark: number
  /** Masquerade every connection to a cluster IP; other ways in follow their policy. */
  readonly masqueradeAll: boolean
  /** Node ports answer at every address of the node, also at those to come; for mode iptables, as with kube-proxy. */
  readonly nodePortsEverywhere?: boolean
  /** Node ports answer the node itself at 127.0.0.1 too; for mode iptables and IPv4 only, as with kube-proxy. */
  readonly localhostNodePorts?: boolean
}
