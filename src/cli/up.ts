import { resolve } from 'node:path'
import { parseBindAddress } from '../config/bind-address.ts'
import { parseCidrPair } from '../config/cidr-pair.ts'
import { hostNodeName, parseNodeName } from '../config/node-name.ts'
import { parsePortRange } from '../config/port-range.ts'
import { parseRuntimeEndpoint } from '../config/runtime-endpoint.ts'
import { type IpAddress, parseAddress, parseCidr } from '../util/address.ts'
import { defineCommand } from './command.ts'
import { usageError } from './command-error.ts'
import { nonEmpty, toggle, value } from './flags.ts'

const serviceRange = '10.96.0.0/16'
const podRange = '10.244.0.0/24'
const metricsAddress = '127.0.0.1:10249'
const nodePortRange = '30000-32767'

export const command = defineCommand({
  usage: 'up DIR [flags]',
  description: [
    'Runs the manifests in DIR as a node of its own: pods on containerd, Services in the kernel. The folder is watched;',
    'what is saved is in force within a second. Ctrl-C takes down everything that was made, and nothing else.',
  ].join(' '),
  flags: {
    once: toggle(
      'Wait until all pods are ready, check that every Service answers from every one of its pods, take down, exit.',
    ),
    timeout: value({
      metavar: 'SECONDS',
      help: 'How long --once waits for the pods, and at most for a Service to answer.',
      fallback: 180,
      shownDefault: '180',
      parse: (text) => (/^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined),
      must: 'a whole number of seconds',
    }),
    'state-dir': value({
      metavar: 'DIR',
      help: 'Where what outlives this process is kept: the private containerd, volumes, given-out addresses.',
      fallback: '/var/lib/hawser',
      shownDefault: '/var/lib/hawser',
      parse: nonEmpty,
      must: 'a folder',
    }),
    'container-runtime-endpoint': value<string | undefined>({
      metavar: 'unix:///SOCKET',
      help: 'A CRI runtime that already runs.',
      fallback: undefined,
      shownDefault: 'a private containerd',
      parse: parseRuntimeEndpoint,
      must: 'unix:// and an absolute path',
    }),
    'service-cluster-ip-range': value({
      metavar: 'CIDR[,CIDR]',
      help: 'Where cluster IPs are taken from.',
      fallback: known(parseCidrPair, serviceRange),
      shownDefault: serviceRange,
      parse: parseCidrPair,
      must: 'a CIDR such as 10.96.0.0/16, or one of each family joined by a comma',
    }),
    'cluster-cidr': value({
      metavar: 'CIDR',
      help: 'Where the pods of the private containerd get their addresses from.',
      fallback: known(parseCidr, podRange),
      shownDefault: podRange,
      parse: parseCidr,
      must: 'a CIDR such as 10.244.0.0/24',
    }),
    'node-port-range': value({
      metavar: 'FIRST-LAST',
      help: 'Where node ports are taken from.',
      fallback: known(parsePortRange, nodePortRange),
      shownDefault: nodePortRange,
      parse: parsePortRange,
      must: 'two ports joined by a dash, such as 30000-32767',
    }),
    'node-ip': value<readonly IpAddress[]>({
      metavar: 'IP[,IP]',
      help: 'Addresses of this node, which node ports answer on.',
      fallback: [],
      shownDefault: "those of the default route's interface",
      parse: parseAddresses,
      must: 'an IP address, or several joined by commas',
    }),
    'hostname-override': value({
      metavar: 'NAME',
      help: 'Name of this node.',
      fallback: hostNodeName(),
      shownDefault: "the host's name",
      parse: parseNodeName,
      must: 'a DNS name in lower case',
    }),
    'metrics-bind-address': value({
      metavar: 'IP:PORT',
      help: 'Where /metrics and /healthz are served; port 0 takes a free one.',
      fallback: known(parseBindAddress, metricsAddress),
      shownDefault: metricsAddress,
      parse: parseBindAddress,
      must: `an address and a port, such as ${metricsAddress}`,
    }),
    json: toggle('Print JSON, one object a line.'),
    verbose: toggle('Log what is done, not only what goes wrong.', 'v'),
  },
  async run({ flags, operands }) {
    const [folder, extra] = operands
    if (folder === undefined || extra !== undefined)
      throw usageError('up takes one folder of manifests', 'hawser up DIR')
    // Loaded only now: usage errors and --help need neither gRPC nor the addon.
    const { up } = await import('./up/up.ts')
    return up({
      folder: resolve(folder),
      once: flags.once,
      timeoutMs: flags.timeout * 1000,
      stateDir: resolve(flags['state-dir']),
      runtimeEndpoint: flags['container-runtime-endpoint'],
      serviceCidrs: flags['service-cluster-ip-range'],
      podCidr: flags['cluster-cidr'],
      nodePorts: flags['node-port-range'],
      nodeAddresses: flags['node-ip'],
      nodeName: flags['hostname-override'],
      metrics: flags['metrics-bind-address'],
      json: flags.json,
      verbose: flags.verbose,
    })
  },
})

/** One or several addresses; undefined when a part is none. */
function parseAddresses(text: string): readonly IpAddress[] | undefined {
  const addresses = text.split(',').map((part) => parseAddress(part.trim()))
  return addresses.every((address) => address !== undefined) ? addresses : undefined
}

/** A default of ours goes the way of a user's text, so that both are read alike. */
function known<Value>(parse: (text: string) => Value | undefined, text: string): Value {
  const parsed = parse(text)
  if (parsed === undefined) throw new Error(`the default ${text} cannot be read`)
  return parsed
}
