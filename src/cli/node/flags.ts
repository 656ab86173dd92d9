import { parseBindAddress } from '../../config/bind-address.ts'
import { type Flag, type FlagValues, nonEmpty, toggle, value } from '../flags.ts'
import { healthFlags, kubeletFlagGroups, kubeletFlags } from '../kubelet/flags.ts'
import { ipvsFlags, servingFlags } from '../proxy/configuration/kube-proxy-flags.ts'
import { connectionFlags, countingFlags, serviceFlags } from '../proxy/flags.ts'

/** Checked here, where it has another name than in kube-proxy. */
const address = (standard: string, help: string): Flag<string | undefined> =>
  value<string | undefined>({
    metavar: 'IP:PORT',
    help,
    fallback: undefined,
    shownDefault: standard,
    parse: (text) => (parseBindAddress(text) === undefined ? undefined : text),
    must: `an address and a port, such as ${standard}`,
  })

// The node's address is --node-ip's, for both parts.
const { 'bind-address': _, ...services } = serviceFlags

const configFlag = value<string | undefined>({
  metavar: 'FILE',
  help: [
    'KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1), read again at SIGHUP and when it is replaced. It takes',
    'the place of the flags that have a field in it.',
  ].join(' '),
  fallback: undefined,
  parse: nonEmpty,
  must: 'a path',
})

/** Both parts' flags; the proxy's have `proxy-` in front where the kubelet has one of the same name. */
export const nodeFlagGroups = {
  ...kubeletFlagGroups,
  'Services:': { 'proxy-config': configFlag, ...services },
  'IPVS:': ipvsFlags,
  'Connection tracking:': { ...connectionFlags, ...countingFlags },
  'The process:': {
    ...healthFlags,
    'proxy-metrics-bind-address': address(
      '127.0.0.1:10249',
      "Where kube-proxy's /metrics, /proxyMode and /configz are served.",
    ),
    'proxy-healthz-bind-address': address(
      '0.0.0.0:10256',
      "Where kube-proxy's /healthz and /livez are served.",
    ),
    'oom-score-adj': servingFlags['oom-score-adj'],
    verbose: toggle('Log what is done, not only what goes wrong.', 'v'),
  },
} as const

export const nodeFlags = {
  ...kubeletFlags,
  ...nodeFlagGroups['Services:'],
  ...nodeFlagGroups['IPVS:'],
  ...nodeFlagGroups['Connection tracking:'],
  ...nodeFlagGroups['The process:'],
} as const

export type NodeFlags = FlagValues<typeof nodeFlags>
