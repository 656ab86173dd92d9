import { detectNodeAddresses } from '../../config/node-addresses.ts'
import { readMachine } from '../../kubelet/node/machine.ts'
import type { NodeIdentity } from '../../kubelet/node/node-object.ts'
import { packageVersion } from '../package-info.ts'
import type { KubeletConfig } from './kubelet-config.ts'

/** The version of the node's contract with its cluster: what is older or newer than that by too much is told by it. */
const KUBERNETES_VERSION = 'v1.36.0'

/** Who this node is. Rejects when no address of the machine can be found. */
export async function nodeIdentity(config: KubeletConfig): Promise<NodeIdentity> {
  const { nodeName: name, nodeAddresses, labels, taints, maxPods, reserved } = config
  const addresses = nodeAddresses.length > 0 ? nodeAddresses : await detectNodeAddresses([])
  return {
    ...{ name, addresses, labels, taints, maxPods, reserved },
    // 0: nothing is served where the API server would look for it.
    kubeletPort: config.nodeApi?.bind.port ?? 0,
    machine: await readMachine(config.stateDir),
    kubeletVersion: `${KUBERNETES_VERSION}+hawser.${packageVersion()}`,
  }
}
