import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { packageRoot } from '../../../bench/package-root.ts'
import type { KubeClient } from '../../../src/kube/client.ts'

const API_GROUP = 'rbac.authorization.k8s.io'

/** Whom the API server is to kubelets. */
export const KUBELET_CLIENT = 'kube-apiserver-kubelet-client'

/** As kubeadm's certificate has it, but by a role: what a kubelet asks about it is asked of RBAC then. */
const KUBELET_CLIENT_BINDING = {
  apiVersion: `${API_GROUP}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: { name: KUBELET_CLIENT },
  roleRef: { apiGroup: API_GROUP, kind: 'ClusterRole', name: 'system:kubelet-api-admin' },
  subjects: [{ kind: 'User', name: KUBELET_CLIENT, apiGroup: API_GROUP }],
}

/** What a cluster with Hawser's nodes grants beside what the API server does by itself: what users are told to apply. */
export async function grantToNodes(admin: KubeClient): Promise<void> {
  const manifest = await readFile(join(packageRoot, 'deploy', 'node', 'rbac.yaml'), 'utf8')
  const wanted = parseAllDocuments(manifest).map((document): unknown => document.toJS())
  for (const body of [...wanted, KUBELET_CLIENT_BINDING]) {
    const collection = isRole(body) ? 'clusterroles' : 'clusterrolebindings'
    await admin.json({ method: 'POST', path: `/apis/${API_GROUP}/v1/${collection}`, body })
  }
}

const isRole = (object: unknown): boolean =>
  typeof object === 'object' && object !== null && 'kind' in object && object.kind === 'ClusterRole'
