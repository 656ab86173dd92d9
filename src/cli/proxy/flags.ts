import { parseCidrPair } from '../../config/cidr-pair.ts'
import type { CountingEngine } from '../../native/conntrack-events.ts'
import type { Cidr } from '../../util/address.ts'
import { type FlagValues, nonEmpty, toggle, value } from '../flags.ts'
import { behaviourFlags, conntrackFlags } from './configuration/kube-proxy-flags.ts'
import type { OwnSettings } from './proxy-config.ts'

const COUNTING_ENGINES: readonly CountingEngine[] = ['auto', 'ebpf', 'thread']

/** Every Service and endpoint is counted; those that open the most connections are shown one by one. */
const countedBy = (what: string) =>
  value({
    metavar: 'N',
    help: `So many ${what} have connection metrics of their own, those with the most connections.`,
    fallback: 100,
    shownDefault: '100',
    parse: (text) => (/^\d{1,6}$/.test(text) ? Number(text) : undefined),
    must: 'a number up to 999999',
  })

/** What is done with Services, wherever they come from. */
export const serviceFlags = {
  ...behaviourFlags,
  'service-cluster-ip-range': value<readonly Cidr[] | undefined>({
    metavar: 'CIDR[,CIDR]',
    help: 'Range of cluster IPs: connections to addresses in it that no Service has are dropped.',
    fallback: undefined,
    shownDefault: '10.96.0.0/16 for a folder, what the API server says otherwise',
    parse: parseCidrPair,
    must: 'a CIDR such as 10.96.0.0/16, or one of each family joined by a comma',
  }),
  'min-sync-period': value<string | undefined>({
    metavar: 'DURATION',
    help: 'Least time between two transactions; an idle proxy commits a change at once.',
    fallback: undefined,
    shownDefault: '0s',
    parse: nonEmpty,
    must: 'a duration',
  }),
  'audit-interval': value<string | undefined>({
    metavar: 'DURATION',
    help: 'How often the kernel is compared with what should be there, besides when somebody else changes it.',
    fallback: undefined,
    shownDefault: '1m0s',
    parse: nonEmpty,
    must: 'a duration',
  }),
} as const

export const connectionFlags = {
  ...conntrackFlags,
  'reset-stale-tcp': toggle(
    'End TCP connections to endpoints that are gone, by a reset at their next packet, instead of leaving them to time out.',
  ),
} as const

export const countingFlags = {
  'count-connections': value<CountingEngine>({
    metavar: 'ENGINE',
    help: 'Who counts connections: ebpf, the kernel itself; thread, which reads its events; auto, ebpf where it can be had.',
    fallback: 'auto',
    shownDefault: 'auto',
    parse: (text) => COUNTING_ENGINES.find((engine) => engine === text),
    must: COUNTING_ENGINES.join(', '),
  }),
  'metrics-services': countedBy('Services'),
  'metrics-endpoints': countedBy('endpoints'),
} as const

type OwnFlags = Pick<
  FlagValues<typeof serviceFlags & typeof connectionFlags & typeof countingFlags>,
  | 'service-cluster-ip-range'
  | 'reset-stale-tcp'
  | 'count-connections'
  | 'metrics-services'
  | 'metrics-endpoints'
>

/** What of the flags has no field in a KubeProxyConfiguration, but for the process's own. */
export const proxySettings = (
  flags: OwnFlags,
): Pick<
  OwnSettings,
  'serviceCidrs' | 'resetsStaleTcp' | 'countingEngine' | 'metricsServices' | 'metricsEndpoints'
> => ({
  serviceCidrs: flags['service-cluster-ip-range'],
  resetsStaleTcp: flags['reset-stale-tcp'],
  countingEngine: flags['count-connections'],
  metricsServices: flags['metrics-services'],
  metricsEndpoints: flags['metrics-endpoints'],
})
