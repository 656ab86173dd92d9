import type { Example } from './example.ts'
import type { LocalCluster } from './local-cluster.ts'

/** What to type on this machine to look around, line by line. */
export function howToReach(
  { kubeconfig, programs, node }: LocalCluster,
  { clusterIP, localPort }: Example,
): readonly string[] {
  return [
    `export KUBECONFIG=${kubeconfig} PATH=${programs}:$PATH`,
    'kubectl get pods --watch',
    'kubectl logs deployment/web --follow',
    `kubectl exec client -- wget -qO- http://${clusterIP}`,
    '',
    `curl http://127.0.0.1:${localPort}    # the node port, from this machine`,
    `ip netns exec ${node.netns.name} curl http://${clusterIP}    # the cluster IP, from the node`,
    '',
    'Ctrl-C takes everything down.',
  ]
}
