import type { IpvsTimeouts } from '../../native/ipvs.ts'
import type { Cidr } from '../../util/address.ts'
import type { FamilyConfig } from '../family-config.ts'

/** What only IPVS mode can be told. */
export interface IpvsSettings {
  /** Virtual servers on addresses in here that no frontend asks for are somebody else's: left alone. */
  readonly excludeCidrs: readonly Cidr[]
  /** Answer ARP only on the interface that has the address, for load balancers that announce VIPs (layer 2). */
  readonly strictArp: boolean
  /** 0 leaves a timeout as the kernel has it. */
  readonly timeouts: IpvsTimeouts
  /** How long a removed endpoint may keep its connections; default 15 minutes, kube-proxy's. */
  readonly drainLimitMs?: number
  /** How often removed endpoints are looked at; default 5 s. */
  readonly drainPollMs?: number
  /** How often it is looked whether somebody else has changed IPVS; default 1 s. */
  readonly pulseMs?: number
}

/** All that the IPVS dataplane of one family depends on besides the frontends. */
export interface IpvsConfig extends FamilyConfig, IpvsSettings {}

/** kube-proxy's defaults. */
export const DEFAULT_IPVS_SETTINGS: IpvsSettings = {
  excludeCidrs: [],
  strictArp: false,
  timeouts: { tcpSeconds: 0, tcpFinSeconds: 0, udpSeconds: 0 },
}
