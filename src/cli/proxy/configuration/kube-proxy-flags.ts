import { type Flag, value } from '../../flags.ts'

/**
 * kube-proxy's flags. What they say is looked at together with the whole configuration, so here a value is only what
 * would stand in a file; undefined: not given.
 */

const text = (metavar: string, help: string, shownDefault = ''): Flag<string | undefined> =>
  value({ metavar, help, shownDefault, fallback: undefined, parse: (written) => written, must: 'a text' })

const duration = (help: string, shownDefault = ''): Flag<string | undefined> =>
  text('DURATION', help, shownDefault)

const number = (help: string, shownDefault = ''): Flag<number | undefined> =>
  value({
    metavar: 'N',
    help,
    shownDefault,
    fallback: undefined,
    parse: (written) => (/^-?\d+(\.\d+)?$/.test(written) ? Number(written) : undefined),
    must: 'a number',
  })

const toggle = (help: string, shownDefault = ''): Flag<boolean | undefined> => ({
  help,
  shownDefault,
  short: undefined,
  metavar: undefined,
  fallback: undefined,
  parse: () => true,
  must: '',
})

const list = (metavar: string, help: string, shownDefault = ''): Flag<readonly string[] | undefined> =>
  value({
    metavar,
    help,
    shownDefault,
    fallback: undefined,
    parse: (written) => (written === '' ? [] : written.split(',').map((part) => part.trim())),
    must: 'a list joined by commas',
  })

export const sourceFlags = {
  kubeconfig: text('FILE', 'How to reach the API server.', "the pod's service account"),
  'hostname-override': text('NAME', 'Name of the Node that this runs on.', "the host's name"),
  'kube-api-qps': number('Requests a second to the API server in the long run.', '5'),
  'kube-api-burst': number('Requests to the API server at once.', '10'),
} as const

export const behaviourFlags = {
  'proxy-mode': text(
    'nftables|ipvs|iptables',
    'How Services are put into the kernel. A change of mode loses no connection.',
    'nftables',
  ),
  'cluster-cidr': text(
    'CIDR[,CIDR]',
    'Where pods have their addresses: clients of cluster IPs from elsewhere are masqueraded.',
  ),
  'detect-local-mode': text(
    'ClusterCIDR|NodeCIDR|BridgeInterface|InterfaceNamePrefix',
    'What tells pods from others: --cluster-cidr, the podCIDRs of this Node, or where packets come in.',
    'ClusterCIDR',
  ),
  'nodeport-addresses': list(
    'primary|all|CIDR,…',
    'Addresses of this machine on which node ports answer.',
    'primary for nftables, else all',
  ),
  'masquerade-all': toggle('Masquerade every connection to a cluster IP.'),
  'bind-address': text('IP', "The node's primary address, where its Node says another."),
} as const

export const ipvsFlags = {
  'ipvs-scheduler': text('NAME', 'Scheduler of Services that ask for none.', 'rr'),
  'ipvs-strict-arp': toggle('Answer ARP only on the interface that has the address.'),
  'ipvs-exclude-cidrs': list('CIDR,…', 'Virtual servers in here are left alone.'),
  'ipvs-tcp-timeout': duration(
    'After which an idle TCP connection is forgotten; 0 leaves it to the kernel.',
    '0s',
  ),
  'ipvs-tcpfin-timeout': duration('The same behind a FIN.', '0s'),
  'ipvs-udp-timeout': duration('The same for UDP.', '0s'),
} as const

export const conntrackFlags = {
  'conntrack-max-per-core': number(
    'Connections to track for each processor; 0 leaves the limit alone.',
    '32768',
  ),
  'conntrack-min': number('Connections to track at least.', '131072'),
  'conntrack-tcp-timeout-established': duration(
    'Time-out of idle TCP connections; 0 leaves it alone.',
    '24h0m0s',
  ),
  'conntrack-tcp-timeout-close-wait': duration('Time-out of TCP connections in CLOSE_WAIT.', '1h0m0s'),
  'conntrack-udp-timeout': duration('Time-out of unanswered UDP.', "the kernel's"),
  'conntrack-udp-timeout-stream': duration('Time-out of answered UDP.', "the kernel's"),
  'conntrack-tcp-be-liberal': toggle('Let TCP packets outside of their window pass.'),
} as const

export const servingFlags = {
  'metrics-bind-address': text(
    'IP:PORT',
    'Where /metrics, /proxyMode and /configz are served.',
    '127.0.0.1:10249',
  ),
  'healthz-bind-address': text('IP:PORT', 'Where /healthz and /livez are served.', '0.0.0.0:10256'),
  'bind-address-hard-fail': toggle('End when one of these addresses cannot be had, instead of trying again.'),
  'oom-score-adj': number('How soon the kernel ends this process when memory is short.', '-999'),
} as const

/** Accepted for their former meaning, or for one that has no use here: which, is said when they are given. */
export const formerFlags = {
  'config-sync-period': duration('Accepted, without use.'),
  'feature-gates': value<Readonly<Record<string, unknown>> | undefined>({
    metavar: 'NAME=true,…',
    help: 'Accepted, without use.',
    fallback: undefined,
    parse: parseGates,
    must: 'names with true or false, such as A=true,B=false',
  }),
  'iptables-localhost-nodeports': toggle(
    'Node ports answer the node itself at 127.0.0.1 too, in mode iptables; =false for not.',
    'true',
  ),
  'iptables-masquerade-bit': number('The bit of packet marks, from 0 to 31, that asks for masquerade.', '14'),
  'iptables-min-sync-period': duration('As --min-sync-period, for iptables and nftables.'),
  'iptables-sync-period': duration('As --audit-interval, for iptables and nftables.'),
  'ipvs-min-sync-period': duration('As --min-sync-period, for ipvs.'),
  'ipvs-sync-period': duration('As --audit-interval, for ipvs.'),
  'kube-api-content-type': text('TYPE', 'Accepted, without use.'),
  'log-flush-frequency': duration('Accepted, without use.'),
  'logging-format': text('text|json', 'Accepted, without use.'),
  'pod-bridge-interface': text('NAME', 'The bridge of pods, for --detect-local-mode BridgeInterface.'),
  'pod-interface-name-prefix': text(
    'PREFIX',
    'How names of interfaces of pods begin, for --detect-local-mode InterfaceNamePrefix.',
  ),
  profiling: toggle('Accepted, without use.'),
  'show-hidden-metrics-for-version': text('VERSION', 'Accepted, without use.'),
  v: number('As --verbose from 4 on.'),
  vmodule: list('PATTERN=N,…', 'Accepted, without use.'),
} as const

function parseGates(written: string): Readonly<Record<string, unknown>> | undefined {
  const pairs = written.split(',').map((part) => /^(\w+)=(true|false)$/.exec(part.trim()))
  if (pairs.some((pair) => pair === null)) return undefined
  return Object.fromEntries(pairs.flatMap((pair) => (pair === null ? [] : [[pair[1], pair[2] === 'true']])))
}
