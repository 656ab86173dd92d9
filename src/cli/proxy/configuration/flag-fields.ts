/** Paths of fields of KubeProxyConfiguration, in dots. */
type Fields = readonly string[]

const everyMode = (field: string): Fields =>
  ['nftables', 'ipvs', 'iptables'].map((mode) => `${mode}.${field}`)

/** kube-proxy's iptables flags have always been meant for every mode that has rules (cmd/kube-proxy/app/options.go). */
const ruleModes = (field: string): Fields => [`iptables.${field}`, `nftables.${field}`]

/** kube-proxy's flags, and the fields of its configuration that they set. */
export const KUBE_PROXY_FIELDS: Readonly<Record<string, Fields>> = {
  'bind-address': ['bindAddress'],
  'bind-address-hard-fail': ['bindAddressHardFail'],
  'cluster-cidr': ['clusterCIDR'],
  'config-sync-period': ['configSyncPeriod'],
  'conntrack-max-per-core': ['conntrack.maxPerCore'],
  'conntrack-min': ['conntrack.min'],
  'conntrack-tcp-be-liberal': ['conntrack.tcpBeLiberal'],
  'conntrack-tcp-timeout-close-wait': ['conntrack.tcpCloseWaitTimeout'],
  'conntrack-tcp-timeout-established': ['conntrack.tcpEstablishedTimeout'],
  'conntrack-udp-timeout': ['conntrack.udpTimeout'],
  'conntrack-udp-timeout-stream': ['conntrack.udpStreamTimeout'],
  'detect-local-mode': ['detectLocalMode'],
  'feature-gates': ['featureGates'],
  'healthz-bind-address': ['healthzBindAddress'],
  'iptables-localhost-nodeports': ['iptables.localhostNodePorts'],
  'iptables-masquerade-bit': ruleModes('masqueradeBit'),
  'iptables-min-sync-period': ruleModes('minSyncPeriod'),
  'iptables-sync-period': ruleModes('syncPeriod'),
  'ipvs-exclude-cidrs': ['ipvs.excludeCIDRs'],
  'ipvs-min-sync-period': ['ipvs.minSyncPeriod'],
  'ipvs-scheduler': ['ipvs.scheduler'],
  'ipvs-strict-arp': ['ipvs.strictARP'],
  'ipvs-sync-period': ['ipvs.syncPeriod'],
  'ipvs-tcp-timeout': ['ipvs.tcpTimeout'],
  'ipvs-tcpfin-timeout': ['ipvs.tcpFinTimeout'],
  'ipvs-udp-timeout': ['ipvs.udpTimeout'],
  'kube-api-burst': ['clientConnection.burst'],
  'kube-api-content-type': ['clientConnection.contentType'],
  'kube-api-qps': ['clientConnection.qps'],
  kubeconfig: ['clientConnection.kubeconfig'],
  'logging-format': ['logging.format'],
  'log-flush-frequency': ['logging.flushFrequency'],
  'masquerade-all': ruleModes('masqueradeAll'),
  'metrics-bind-address': ['metricsBindAddress'],
  'nodeport-addresses': ['nodePortAddresses'],
  'oom-score-adj': ['oomScoreAdj'],
  'pod-bridge-interface': ['detectLocal.bridgeInterface'],
  'pod-interface-name-prefix': ['detectLocal.interfaceNamePrefix'],
  profiling: ['enableProfiling'],
  'proxy-mode': ['mode'],
  'show-hidden-metrics-for-version': ['showHiddenMetricsForVersion'],
  vmodule: ['logging.vmodule'],
}

/** Flags that hold beside a configuration file too: ours, and those that kube-proxy lets win over its file. */
export const OVERRIDING_FIELDS: Readonly<Record<string, Fields>> = {
  'audit-interval': everyMode('syncPeriod'),
  'hostname-override': ['hostnameOverride'],
  'min-sync-period': everyMode('minSyncPeriod'),
  v: ['logging.verbosity'],
}

/** A configuration as it would stand in a file; values are looked at when it is read. */
export type RawConfiguration = Readonly<Record<string, unknown>>

/** `raw` with what the flags say in their fields. Flags that are not given are undefined. */
export function withFlags(
  raw: RawConfiguration,
  fields: Readonly<Record<string, Fields>>,
  flags: Readonly<Record<string, unknown>>,
): RawConfiguration {
  let result = raw
  for (const [name, paths] of Object.entries(fields))
    if (flags[name] !== undefined)
      for (const path of paths) result = withField(result, path.split('.'), flags[name])
  return result
}

function withField(
  raw: RawConfiguration,
  [key = '', ...rest]: readonly string[],
  value: unknown,
): RawConfiguration {
  if (rest.length === 0) return { ...raw, [key]: value }
  const inside = raw[key]
  const before = typeof inside === 'object' && inside !== null && !Array.isArray(inside) ? inside : {}
  return { ...raw, [key]: withField({ ...before }, rest, value) }
}

/** The given flag that set a field, for messages. */
export function flagOf(
  path: readonly (string | number)[],
  fields: Readonly<Record<string, Fields>>,
  flags: Readonly<Record<string, unknown>>,
): string | undefined {
  const at = path.join('.')
  return Object.entries(fields).find(
    ([name, paths]) =>
      flags[name] !== undefined && paths.some((field) => at === field || at.startsWith(`${field}.`)),
  )?.[0]
}
