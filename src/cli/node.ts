import { defineCommand } from './command.ts'
import { usageError } from './command-error.ts'
import { kubeletConfig } from './kubelet/flags.ts'
import { nodeFlagGroups, nodeFlags } from './node/flags.ts'
import { readProxy } from './node/read-proxy.ts'

export const command = defineCommand({
  usage: 'node --kubeconfig FILE [flags]',
  description: [
    'Makes this machine a node of a cluster, kubelet and service proxy in one process: runs the pods that are bound to',
    'it on containerd, balances Services in the kernel, and tells the API server how all of it is. Pods and rules',
    'outlive the process; the next one goes on with them.',
  ].join(' '),
  groups: nodeFlagGroups,
  flags: nodeFlags,
  async run({ flags, operands }) {
    const remedy = 'hawser node --kubeconfig FILE'
    if (operands.length > 0) throw usageError('node takes no operand', remedy)
    if (flags.kubeconfig === undefined) throw usageError('node needs a kubeconfig', remedy)
    const kubelet = kubeletConfig(flags, flags.kubeconfig, flags.verbose)
    const proxy = await readProxy(flags, kubelet)
    // Loaded only now: usage errors and --help need neither gRPC nor the addon.
    const { runNode } = await import('./node/run-node.ts')
    return runNode({ kubelet, ...proxy })
  },
})
