import { resolve } from 'node:path'
import { type BindAddress, parseBindAddress } from '../config/bind-address.ts'
import { parseCidrPair } from '../config/cidr-pair.ts'
import { parseDuration } from '../config/duration.ts'
import { hostNodeName, parseNodeName } from '../config/node-name.ts'
import { type NodePortAddresses, parseNodePortAddresses } from '../config/node-port-addresses.ts'
import { PROXY_MODES, type ProxyMode } from '../dataplane/proxy-modes.ts'
import type { Cidr } from '../util/address.ts'
import { defineCommand } from './command.ts'
import { usageError } from './command-error.ts'
import { type Flag, nonEmpty, toggle, value } from './flags.ts'
import type { SourceConfig } from './proxy/proxy-config.ts'
import { runsInPod } from './proxy/runs-in-pod.ts'

const address = (help: string, shown: string): Flag<BindAddress | undefined> =>
  value({
    metavar: 'IP:PORT',
    help: `${help}; port 0 takes a free one.`,
    fallback: parseBindAddress(shown),
    shownDefault: shown,
    parse: parseBindAddress,
    must: `an address and a port, such as ${shown}`,
  })

const duration = (help: string, shown: string): Flag<number> =>
  value({
    metavar: 'DURATION',
    help,
    fallback: parseDuration(shown) ?? 0,
    shownDefault: shown,
    parse: parseDuration,
    must: 'a duration such as 500ms, 60s or 1m30s',
  })

const A_CIDR = 'a CIDR such as 10.96.0.0/16, or one of each family joined by a comma'

const cidrs = (help: string, fallback: readonly Cidr[], shownDefault: string): Flag<readonly Cidr[]> =>
  value({
    metavar: 'CIDR[,CIDR]',
    help,
    fallback,
    shownDefault,
    parse: parseCidrPair,
    must: A_CIDR,
  })

const SERVICE_RANGE = '10.96.0.0/16'

/** As client-go, a server without a scheme speaks http. */
function parseServer(text: string): URL | undefined {
  const full = text.includes('://') ? text : `http://${text}`
  return text !== '' && /^https?:/.test(full) && URL.canParse(full) ? new URL(full) : undefined
}

export const command = defineCommand({
  usage: 'proxy [--kubeconfig FILE | --manifests DIR] [flags]',
  description: [
    'Balances the Services of a cluster, or of a folder, in the kernel, in the place of kube-proxy.',
    'The rules stay in force when the process ends; --cleanup removes them.',
  ].join(' '),
  flags: {
    manifests: value<string | undefined>({
      metavar: 'DIR',
      help: 'Folder of Services and EndpointSlices to serve in the place of an API server; it is watched.',
      fallback: undefined,
      parse: nonEmpty,
      must: 'a folder',
    }),
    kubeconfig: value<string | undefined>({
      metavar: 'FILE',
      help: "How to reach the API server; without it and --manifests, the pod's service account says so.",
      fallback: undefined,
      parse: nonEmpty,
      must: 'a file',
    }),
    master: value<URL | undefined>({
      metavar: 'URL',
      help: "The API server, in the place of the kubeconfig's.",
      fallback: undefined,
      parse: parseServer,
      must: 'a URL such as https://10.0.0.1:6443',
    }),
    'proxy-mode': value<ProxyMode>({
      metavar: PROXY_MODES.join('|'),
      help: 'How Services are put into the kernel. A restart with another mode loses no connection.',
      fallback: PROXY_MODES[0],
      shownDefault: PROXY_MODES[0],
      parse: (text) => PROXY_MODES.find((mode) => mode === text),
      must: PROXY_MODES.join(' or '),
    }),
    'cluster-cidr': cidrs(
      'Where pods have their addresses: clients of cluster IPs from elsewhere are masqueraded.',
      [],
      '',
    ),
    'service-cluster-ip-range': value<readonly Cidr[] | undefined>({
      metavar: 'CIDR[,CIDR]',
      help: 'Range of cluster IPs: connections to addresses in it that no Service has are dropped.',
      fallback: undefined,
      shownDefault: `${SERVICE_RANGE} for a folder, none for an API server`,
      parse: parseCidrPair,
      must: A_CIDR,
    }),
    'nodeport-addresses': value<NodePortAddresses>({
      metavar: 'primary|all|CIDR,…',
      help: 'Addresses of this machine on which node ports answer.',
      fallback: 'primary',
      shownDefault: 'primary',
      parse: parseNodePortAddresses,
      must: 'primary, all, or CIDRs joined by commas',
    }),
    'hostname-override': value({
      metavar: 'NAME',
      help: 'Name of this node, by which endpoints are local.',
      fallback: hostNodeName(),
      shownDefault: "the host's name",
      parse: parseNodeName,
      must: 'a DNS name in lower case',
    }),
    'metrics-bind-address': address('Where /metrics and /proxyMode are served', '127.0.0.1:10249'),
    'healthz-bind-address': address('Where /healthz and /livez are served', '0.0.0.0:10256'),
    'min-sync-period': duration('Least time between two transactions.', '0s'),
    'audit-interval': duration(
      'How often the kernel is compared with what should be there, besides when somebody else changes it.',
      '60s',
    ),
    'masquerade-all': toggle('Masquerade every connection to a Service.'),
    'state-dir': value({
      metavar: 'DIR',
      help: 'Where given-out addresses are remembered, and where the socket of hawser status lies.',
      fallback: '/var/lib/hawser/proxy',
      shownDefault: '/var/lib/hawser/proxy',
      parse: nonEmpty,
      must: 'a folder',
    }),
    cleanup: toggle('Remove the rules of every mode and family, nothing else, and exit.'),
    verbose: toggle('Log what is done, not only what goes wrong.', 'v'),
  },
  async run({ flags, operands }) {
    if (operands.length > 0) throw usageError('proxy takes no operand', 'name a folder with --manifests DIR')
    const { manifests, kubeconfig, master } = flags
    if (manifests !== undefined && (kubeconfig !== undefined || master !== undefined))
      throw usageError('--manifests and an API server do not go together', 'choose one of them')
    const named = manifests ?? kubeconfig ?? master
    if (named === undefined && !flags.cleanup && !(await runsInPod()))
      throw usageError(
        'proxy needs to be told where Services come from',
        'hawser proxy --kubeconfig FILE, or --manifests DIR, or run it in a pod',
      )
    const source: SourceConfig =
      manifests === undefined
        ? { kind: 'api', kubeconfig, master, qps: 5, burst: 10 }
        : { kind: 'folder', folder: resolve(manifests) }
    const ofFolder = source.kind === 'folder' ? (parseCidrPair(SERVICE_RANGE) ?? []) : []
    const config = {
      source,
      mode: flags['proxy-mode'],
      podCidrs: flags['cluster-cidr'],
      serviceCidrs: flags['service-cluster-ip-range'] ?? ofFolder,
      nodePortAddresses: flags['nodeport-addresses'],
      nodeName: flags['hostname-override'],
      metrics: flags['metrics-bind-address'],
      health: flags['healthz-bind-address'],
      minSyncPeriodMs: flags['min-sync-period'],
      auditIntervalMs: flags['audit-interval'],
      masqueradeAll: flags['masquerade-all'],
      stateDir: resolve(flags['state-dir']),
      verbose: flags.verbose,
    }
    // Loaded only now: usage errors and --help need no addon.
    const { cleanUp, runProxy } = await import('./proxy/run-proxy.ts')
    return flags.cleanup ? cleanUp(config) : runProxy(config)
  },
})
