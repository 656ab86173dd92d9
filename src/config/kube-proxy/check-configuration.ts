import { parseDuration } from '../duration.ts'
import { parseNodeName } from '../node-name.ts'
import type { KubeProxyConfiguration } from './configuration.ts'

/** Something about a field; `error`: the configuration cannot be used. */
export interface ConfigurationProblem {
  readonly path: readonly (string | number)[]
  /** To be read behind the path, without a full stop. */
  readonly reason: string
  readonly remedy?: string
  readonly severity: 'error' | 'warning'
}

/** Marks of virtual servers are known by their top byte: `SHORT_CIRCUIT_MASK` of mode ipvs. */
const IPVS_MARKS_FROM_BIT = 24

/** The field that a detectLocalMode takes an interface from. */
const INTERFACE_FIELDS: Readonly<
  Record<string, { readonly field: 'bridgeInterface' | 'interfaceNamePrefix'; readonly what: string }>
> = {
  BridgeInterface: { field: 'bridgeInterface', what: 'the name of the bridge of pods' },
  InterfaceNamePrefix: { field: 'interfaceNamePrefix', what: 'how names of interfaces of pods begin' },
}

/**
 * What dev_valid_name of the kernel takes of ASCII, but for the signs that stand for any end of a name: `+` in iptables
 * and `*` in nft.
 */
const INTERFACE_NAME = /^[!-),-.0-9;-~]{1,15}$/

/** What is wrong between fields, and what this proxy has no use for. The configuration is as it was written. */
export function checkConfiguration(written: KubeProxyConfiguration): readonly ConfigurationProblem[] {
  return [...periodErrors(written), ...errors(written), ...modeWarnings(written), ...unused(written)]
}

function periodErrors(written: KubeProxyConfiguration): readonly ConfigurationProblem[] {
  const ms = (text: string): number => parseDuration(text) ?? 0
  return (['nftables', 'ipvs', 'iptables'] as const).flatMap((mode) => {
    const { syncPeriod, minSyncPeriod } = written[mode]
    if (ms(minSyncPeriod) <= ms(syncPeriod)) return []
    const reason = `must not be longer than ${mode}.syncPeriod, which is ${syncPeriod}`
    return [{ path: [mode, 'minSyncPeriod'], reason, severity: 'error' as const }]
  })
}

function errors(written: KubeProxyConfiguration): readonly ConfigurationProblem[] {
  const found: ConfigurationProblem[] = []
  const error = (path: readonly string[], reason: string, remedy?: string): void => {
    found.push({ path, reason, severity: 'error', ...(remedy === undefined ? {} : { remedy }) })
  }
  const { hostnameOverride, detectLocalMode } = written
  if (hostnameOverride !== '' && parseNodeName(hostnameOverride) === undefined)
    error(['hostnameOverride'], `must be the name of a Node, not ${JSON.stringify(hostnameOverride)}`)
  const named = INTERFACE_FIELDS[detectLocalMode]
  if (named !== undefined && !INTERFACE_NAME.test(written.detectLocal[named.field]))
    error(
      ['detectLocal', named.field],
      `must be ${named.what}, of 1 to 15 characters, for detectLocalMode ${detectLocalMode}`,
    )
  const { masqueradeBit } = written.iptables
  if (written.mode === 'ipvs' && masqueradeBit >= IPVS_MARKS_FROM_BIT)
    error(
      ['iptables', 'masqueradeBit'],
      `cannot be ${masqueradeBit} in mode ipvs, where bits ${IPVS_MARKS_FROM_BIT} to 31 tell the marks of IPVS from others`,
      `name a bit from 0 to ${IPVS_MARKS_FROM_BIT - 1}`,
    )
  return found
}

function modeWarnings(written: KubeProxyConfiguration): readonly ConfigurationProblem[] {
  const found: ConfigurationProblem[] = []
  const warn = (path: readonly string[], reason: string, remedy?: string): void => {
    found.push({ path, reason, severity: 'warning', ...(remedy === undefined ? {} : { remedy }) })
  }
  const { mode, iptables, nftables, detectLocalMode, clusterCIDR } = written
  if (mode === '') {
    warn(['mode'], 'is empty, which means nftables here and iptables to kube-proxy', 'name the mode')
    if (iptables.masqueradeAll && !nftables.masqueradeAll)
      warn(['iptables', 'masqueradeAll'], 'has no effect in mode nftables', 'set nftables.masqueradeAll')
  }
  if (detectLocalMode === 'ClusterCIDR' && clusterCIDR === '')
    warn(
      ['clusterCIDR'],
      'is empty: nobody is known to come from outside, so no client of a cluster IP is masqueraded for that',
      'set it to the range of pods, or use detectLocalMode: NodeCIDR',
    )
  return found
}

interface Unused {
  readonly path: readonly string[]
  readonly isSet: (written: KubeProxyConfiguration) => boolean
  readonly reason: string
}

/** What kube-proxy writes by itself: no wish of anybody. */
const PROTOBUF = 'application/vnd.kubernetes.protobuf'

const JSON_ONLY = 'has no use: the API server is always asked for JSON'
const NO_WINDOWS = 'has no use on Linux'
const OWN_LOG = 'has no use: the log is JSON lines on stderr'

const UNUSED: readonly Unused[] = [
  {
    path: ['clientConnection', 'acceptContentTypes'],
    isSet: ({ clientConnection }) => clientConnection.acceptContentTypes !== '',
    reason: JSON_ONLY,
  },
  {
    path: ['clientConnection', 'contentType'],
    isSet: ({ clientConnection: { contentType } }) =>
      !['', 'application/json', PROTOBUF].includes(contentType),
    reason: JSON_ONLY,
  },
  {
    path: ['configSyncPeriod'],
    isSet: ({ configSyncPeriod }) => configSyncPeriod !== '15m0s',
    reason: 'has no use: watches are checked by their own bookmarks, and nothing is refreshed without need',
  },
  {
    path: ['enableProfiling'],
    isSet: ({ enableProfiling }) => enableProfiling,
    reason: 'has no use: there is no /debug/pprof',
  },
  {
    path: ['featureGates'],
    isSet: ({ featureGates }) => Object.keys(featureGates).length > 0,
    reason: 'has no use: there are no features to choose from',
  },
  {
    path: ['logging', 'format'],
    isSet: ({ logging: { format } }) => !['', 'text', 'json'].includes(format),
    reason: OWN_LOG,
  },
  { path: ['logging', 'vmodule'], isSet: ({ logging }) => logging.vmodule.length > 0, reason: OWN_LOG },
  {
    path: ['nodePortAddresses'],
    isSet: ({ nodePortAddresses, mode }) => nodePortAddresses.includes('localhost') && mode !== 'iptables',
    reason:
      'has no use for localhost but in mode iptables: elsewhere node ports answer on no loopback address',
  },
  { path: ['portRange'], isSet: ({ portRange }) => portRange !== '', reason: 'has no use in any mode' },
  {
    path: ['showHiddenMetricsForVersion'],
    isSet: ({ showHiddenMetricsForVersion }) => showHiddenMetricsForVersion !== '',
    reason: 'has no use: no metric is hidden',
  },
  {
    path: ['windowsRunAsService'],
    isSet: ({ windowsRunAsService }) => windowsRunAsService,
    reason: NO_WINDOWS,
  },
  {
    path: ['winkernel'],
    isSet: ({ winkernel }) => Object.values(winkernel).some((value) => value !== '' && value !== false),
    reason: NO_WINDOWS,
  },
]

const unused = (written: KubeProxyConfiguration): readonly ConfigurationProblem[] =>
  UNUSED.filter(({ isSet }) => isSet(written)).map(({ path, reason }) => ({
    path,
    reason,
    severity: 'warning',
  }))
