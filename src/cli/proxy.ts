import { resolve } from 'node:path'
import { PROXY_MODES } from '../dataplane/proxy-modes.ts'
import { formatProblem } from '../model/problem.ts'
import { defineCommand } from './command.ts'
import { usageError } from './command-error.ts'
import { nonEmpty, toggle, value } from './flags.ts'
import { complain } from './process/complain.ts'
import { ConfigurationFile } from './proxy/configuration/configuration-file.ts'
import { formerFlags, ipvsFlags, servingFlags, sourceFlags } from './proxy/configuration/kube-proxy-flags.ts'
import {
  configurationOfFile,
  configurationOfFlags,
  type ReadConfiguration,
} from './proxy/configuration/read-configuration.ts'
import { writeConfiguration } from './proxy/configuration/write-configuration.ts'
import { connectionFlags, countingFlags, proxySettings, serviceFlags } from './proxy/flags.ts'
import { type OwnSettings, type ProxyConfig, proxyConfig } from './proxy/proxy-config.ts'
import { runsInPod } from './proxy/runs-in-pod.ts'

const file = (metavar: string, help: string) =>
  value<string | undefined>({ metavar, help, fallback: undefined, parse: nonEmpty, must: 'a path' })

const groups = {
  'Where Services come from:': {
    ...sourceFlags,
    master: value<URL | undefined>({
      metavar: 'URL',
      help: "The API server, in the place of the kubeconfig's.",
      fallback: undefined,
      parse: parseServer,
      must: 'a URL such as https://10.0.0.1:6443',
    }),
    manifests: file(
      'DIR',
      'Folder of Services and EndpointSlices to serve in the place of an API server; it is watched.',
    ),
  },
  'Configuration:': {
    config: file(
      'FILE',
      'KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1), read again at SIGHUP. It takes the place of the flags that have a field in it.',
    ),
    'write-config-to': file(
      'FILE',
      'Write the configuration with all defaults to this file (- prints it), and exit.',
    ),
    'dry-run': toggle('Print what would be put into the kernel, change nothing, and exit.'),
    'init-only': toggle(
      'Set what needs more rights than CAP_NET_ADMIN, such as sysctls of conntrack, and exit.',
    ),
    cleanup: toggle('Remove the rules of --proxy-mode, or of every mode without it, nothing else, and exit.'),
  },
  'What is done:': serviceFlags,
  'IPVS:': ipvsFlags,
  'Connection tracking:': connectionFlags,
  'The process:': {
    ...servingFlags,
    ...countingFlags,
    'state-dir': value({
      metavar: 'DIR',
      help: 'Where given-out addresses are remembered, and where the socket of hawser status lies.',
      fallback: '/var/lib/hawser/proxy',
      shownDefault: '/var/lib/hawser/proxy',
      parse: nonEmpty,
      must: 'a folder',
    }),
    verbose: toggle('Log what is done, not only what goes wrong.', 'v'),
  },
  'Other flags of kube-proxy:': formerFlags,
} as const

const flags = {
  ...groups['Where Services come from:'],
  ...groups['Configuration:'],
  ...groups['What is done:'],
  ...groups['IPVS:'],
  ...groups['Connection tracking:'],
  ...groups['The process:'],
  ...groups['Other flags of kube-proxy:'],
} as const

export const command = defineCommand({
  usage: 'proxy [--config FILE | --kubeconfig FILE | --manifests DIR] [flags]',
  description: [
    'Balances the Services of a cluster, or of a folder, in the kernel, in the place of kube-proxy.',
    'The rules stay in force when the process ends; --cleanup removes them.',
  ].join(' '),
  groups,
  flags,
  async run({ flags, operands }) {
    if (operands.length > 0) throw usageError('proxy takes no operand', 'name a folder with --manifests DIR')
    const { manifests, kubeconfig, master, config: configFile } = flags
    if (manifests !== undefined && (kubeconfig !== undefined || master !== undefined))
      throw usageError('--manifests and an API server do not go together', 'choose one of them')
    const own: OwnSettings = {
      folder: manifests === undefined ? undefined : resolve(manifests),
      master,
      ...proxySettings(flags),
      stateDir: resolve(flags['state-dir']),
      verbose: flags.verbose,
    }
    const read = async (): Promise<ReadConfiguration> =>
      configFile === undefined ? configurationOfFlags(flags) : configurationOfFile(resolve(configFile), flags)
    const load = async (): Promise<ProxyConfig> => {
      const { configuration, warnings } = await read()
      for (const warning of warnings) complain(`warning: ${formatProblem(warning)}`)
      return proxyConfig(configuration, own)
    }
    if (flags['write-config-to'] !== undefined)
      return writeConfiguration((await read()).configuration, flags['write-config-to'])
    const watched = configFile === undefined ? undefined : new ConfigurationFile(resolve(configFile), load)
    const config = await (watched === undefined ? load() : watched.load())
    if (flags['init-only']) {
      const { initOnly } = await import('./proxy/host-settings.ts')
      return initOnly(config)
    }
    if (!flags.cleanup && isWithoutSource(config) && !(await runsInPod()))
      throw usageError(
        'proxy needs to be told where Services come from',
        'hawser proxy --kubeconfig FILE, or --manifests DIR, or run it in a pod',
      )
    if (flags['dry-run']) {
      const { dryRun } = await import('./proxy/dry-run.ts')
      return dryRun(config)
    }
    // Loaded only now: usage errors and --help need no addon.
    const { cleanUp, runProxy } = await import('./proxy/run-proxy.ts')
    // kube-proxy in mode iptables has chains of the same names: who goes back to it says which mode's rules are meant.
    if (flags.cleanup) return cleanUp(config, flags['proxy-mode'] === undefined ? PROXY_MODES : [config.mode])
    return runProxy(config, watched)
  },
})

const isWithoutSource = ({ source }: ProxyConfig): boolean =>
  source.kind === 'api' && source.kubeconfig === undefined && source.master === undefined

/** As client-go, a server without a scheme speaks http. */
function parseServer(text: string): URL | undefined {
  const full = text.includes('://') ? text : `http://${text}`
  return text !== '' && /^https?:/.test(full) && URL.canParse(full) ? new URL(full) : undefined
}
