import { resolve } from 'node:path'
import { type BindAddress, parseBindAddress } from '../config/bind-address.ts'
import { hostNodeName, parseNodeName } from '../config/node-name.ts'
import { type NodeTaint, parseNodeLabels, parseTaints } from '../config/node-registration.ts'
import { parseRuntimeEndpoint } from '../config/runtime-endpoint.ts'
import { type IpAddress, parseAddress } from '../util/address.ts'
import { defineCommand } from './command.ts'
import { usageError } from './command-error.ts'
import { nonEmpty, positive, toggle, value } from './flags.ts'

const runtimeSocket = 'unix:///run/containerd/containerd.sock'
const healthAddress = '127.0.0.1:10248'

export const command = defineCommand({
  usage: 'kubelet --kubeconfig FILE [flags]',
  description: [
    'Makes this machine a node of a cluster: registers it, runs the pods that are bound to it on containerd, and tells',
    'the API server how they are. Pods outlive the process; the next one goes on with them. There is no server for logs,',
    'exec and metrics of pods at port 10250 yet.',
  ].join(' '),
  flags: {
    kubeconfig: value<string | undefined>({
      metavar: 'FILE',
      help: "How to reach the API server, with the node's own credentials.",
      fallback: undefined,
      parse: nonEmpty,
      must: 'a file',
    }),
    'hostname-override': value({
      metavar: 'NAME',
      help: 'Name of this node.',
      fallback: hostNodeName(),
      shownDefault: "the host's name",
      parse: parseNodeName,
      must: 'a DNS name in lower case',
    }),
    'node-ip': value<readonly IpAddress[]>({
      metavar: 'IP[,IP]',
      help: 'Addresses of this node, at most one of each family.',
      fallback: [],
      shownDefault: 'those of the interface with the default route',
      parse: parseAddresses,
      must: 'an IP address, or one of each family joined by a comma',
    }),
    'node-labels': value<ReadonlyMap<string, string>>({
      metavar: 'KEY=VALUE,…',
      help: 'Labels of the Node, beside the well-known ones.',
      fallback: new Map(),
      parse: parseNodeLabels,
      must: 'pairs of key=value joined by commas',
    }),
    'register-with-taints': value<readonly NodeTaint[]>({
      metavar: 'KEY=VALUE:EFFECT,…',
      help: 'Taints of a Node that is made; one that is there keeps its own.',
      fallback: [],
      parse: parseTaints,
      must: 'key=value:NoSchedule, PreferNoSchedule or NoExecute, joined by commas',
    }),
    'max-pods': value({
      metavar: 'N',
      help: 'As many pods run here at most.',
      fallback: 110,
      shownDefault: '110',
      parse: positive,
      must: 'a number of 1 or more',
    }),
    'container-runtime-endpoint': value({
      metavar: 'unix:///SOCKET',
      help: 'The CRI runtime.',
      fallback: runtimeSocket,
      shownDefault: runtimeSocket,
      parse: parseRuntimeEndpoint,
      must: 'unix:// and an absolute path',
    }),
    'root-dir': value({
      metavar: 'DIR',
      help: "Where pods' volumes and logs are kept.",
      fallback: '/var/lib/hawser/kubelet',
      shownDefault: '/var/lib/hawser/kubelet',
      parse: nonEmpty,
      must: 'a folder',
    }),
    'healthz-bind-address': value<BindAddress | undefined>({
      metavar: 'IP:PORT',
      help: 'Where /healthz and /metrics are served; port 0 takes a free one.',
      fallback: parseBindAddress(healthAddress),
      shownDefault: healthAddress,
      parse: parseBindAddress,
      must: `an address and a port, such as ${healthAddress}`,
    }),
    verbose: toggle('Log what is done, not only what goes wrong.', 'v'),
  },
  async run({ flags, operands }) {
    if (operands.length > 0) throw usageError('kubelet takes no operand', 'hawser kubelet --kubeconfig FILE')
    const { kubeconfig } = flags
    if (kubeconfig === undefined)
      throw usageError('kubelet needs a kubeconfig', 'hawser kubelet --kubeconfig FILE')
    // Loaded only now: usage errors and --help need no gRPC.
    const { runKubelet } = await import('./kubelet/run-kubelet.ts')
    return runKubelet({
      kubeconfig: resolve(kubeconfig),
      nodeName: flags['hostname-override'],
      nodeAddresses: flags['node-ip'],
      labels: flags['node-labels'],
      taints: flags['register-with-taints'],
      maxPods: flags['max-pods'],
      endpoint: flags['container-runtime-endpoint'],
      stateDir: resolve(flags['root-dir']),
      health: flags['healthz-bind-address'],
      verbose: flags.verbose,
    })
  },
})

function parseAddresses(text: string): readonly IpAddress[] | undefined {
  const addresses = text.split(',').map((part) => parseAddress(part.trim()))
  const found = addresses.filter((address) => address !== undefined)
  const families = new Set(found.map((address) => address.includes(':')))
  return found.length === addresses.length && families.size === found.length ? found : undefined
}
