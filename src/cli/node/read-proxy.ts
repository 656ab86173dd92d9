import { resolve } from 'node:path'
import { formatProblem, type Problem } from '../../model/problem.ts'
import { API_REQUESTS, type KubeletConfig } from '../kubelet/kubelet-config.ts'
import { complain } from '../process/complain.ts'
import { ConfigurationFile } from '../proxy/configuration/configuration-file.ts'
import {
  configurationOfFile,
  configurationOfFlags,
  type ReadConfiguration,
} from '../proxy/configuration/read-configuration.ts'
import { proxySettings } from '../proxy/flags.ts'
import { type ProxyConfig, proxyConfig } from '../proxy/proxy-config.ts'
import type { NodeFlags } from './flags.ts'
import type { NodeConfig } from './node-config.ts'

/** Reads what the Service part of a node is to do: flags, or a file that may change later. Throws as its readers do. */
export async function readProxy(
  flags: NodeFlags,
  kubelet: KubeletConfig,
): Promise<Pick<NodeConfig, 'proxy' | 'proxyFile'>> {
  const file = flags['proxy-config'] === undefined ? undefined : resolve(flags['proxy-config'])
  const given = {
    ...flags,
    // Those are the kubelet's; one connection and one name are for both.
    kubeconfig: undefined,
    'hostname-override': kubelet.nodeName,
    'healthz-bind-address': flags['proxy-healthz-bind-address'],
    'metrics-bind-address': flags['proxy-metrics-bind-address'],
  }
  const load = async (): Promise<ProxyConfig> => {
    const read = file === undefined ? configurationOfFlags(given) : await configurationOfFile(file, given)
    for (const warning of [...read.warnings, ...unused(read, file)])
      complain(`warning: ${formatProblem(warning)}`)
    const { configuration } = read
    const clientConnection = {
      ...configuration.clientConnection,
      ...API_REQUESTS,
      kubeconfig: kubelet.kubeconfig,
    }
    return proxyConfig(
      { ...configuration, clientConnection },
      {
        ...proxySettings(flags),
        folder: undefined,
        master: undefined,
        stateDir: kubelet.stateDir,
        verbose: kubelet.verbose,
      },
    )
  }
  const proxyFile = file === undefined ? undefined : new ConfigurationFile(file, load)
  return { proxy: await (proxyFile?.load() ?? load()), proxyFile }
}

function unused({ configuration }: ReadConfiguration, file: string | undefined): readonly Problem[] {
  const { kubeconfig } = configuration.clientConnection
  if (kubeconfig === '' || file === undefined) return []
  const reason = `clientConnection.kubeconfig (${kubeconfig}) is ignored: a node has one connection, that of --kubeconfig`
  return [{ place: file, severity: 'warning', reason }]
}
