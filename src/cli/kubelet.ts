import { defineCommand } from './command.ts'
import { usageError } from './command-error.ts'
import { toggle } from './flags.ts'
import { healthFlags, kubeletConfig, kubeletFlagGroups, kubeletFlags } from './kubelet/flags.ts'

const processFlags = {
  ...healthFlags,
  verbose: toggle('Log what is done, not only what goes wrong.', 'v'),
} as const

export const command = defineCommand({
  usage: 'kubelet --kubeconfig FILE [flags]',
  description: [
    'Makes this machine a node of a cluster: registers it, runs the pods that are bound to it on containerd, and tells',
    'the API server how they are. Pods outlive the process; the next one goes on with them. kubectl logs, exec and the',
    'like arrive at --port.',
  ].join(' '),
  groups: { ...kubeletFlagGroups, 'The process:': processFlags },
  flags: { ...kubeletFlags, ...processFlags },
  async run({ flags, operands }) {
    if (operands.length > 0) throw usageError('kubelet takes no operand', 'hawser kubelet --kubeconfig FILE')
    const { kubeconfig } = flags
    if (kubeconfig === undefined)
      throw usageError('kubelet needs a kubeconfig', 'hawser kubelet --kubeconfig FILE')
    // Loaded only now: usage errors and --help need no gRPC.
    const { runKubelet } = await import('./kubelet/run-kubelet.ts')
    return runKubelet(kubeletConfig(flags, kubeconfig, flags.verbose))
  },
})
