import type { KubeClient } from '../../../src/kube/client.ts'

/** Whom the API server is to kubelets. */
export const KUBELET_CLIENT = 'kube-apiserver-kubelet-client'

/** What a cluster with nodes grants beside what the API server does by itself: who, and the role that they get. */
const GRANTS = [
  { name: KUBELET_CLIENT, kind: 'User', role: 'system:kubelet-api-admin' },
  // A node's proxy has the node's own identity, which reads Services but not EndpointSlices.
  { name: 'system:nodes', kind: 'Group', role: 'system:node-proxier' },
] as const

export async function grantToNodes(admin: KubeClient): Promise<void> {
  for (const { name, kind, role } of GRANTS) {
    await admin.json({
      method: 'POST',
      path: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
      body: {
        metadata: { name: `hawser-test:${name}` },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ kind, name, apiGroup: 'rbac.authorization.k8s.io' }],
      },
    })
  }
}
