import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClusterProcess } from '../cluster/harness/process.ts'
import type { TestCluster } from '../cluster/harness/test-cluster.ts'
import { DNS_ADDRESS, NODE_ADDRESS } from './node.ts'

/** CoreDNS as a process of the node, behind the Service that every cluster has it behind. */
export async function startDns(cluster: TestCluster, binaries: string): Promise<ClusterProcess> {
  const corefile = join(cluster.place.folder, 'Corefile')
  await writeFile(
    corefile,
    `.:53 {
  bind ${NODE_ADDRESS}
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${cluster.kubeconfig}
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
  }
  ready ${NODE_ADDRESS}:8181
}
`,
  )
  const ports = ['UDP', 'TCP'].map((protocol) => ({
    name: `dns-${protocol.toLowerCase()}`,
    protocol,
    port: 53,
  }))
  const create = (path: string, body: unknown) => cluster.admin.json({ method: 'POST', path, body })
  await create('/api/v1/namespaces/kube-system/services', {
    metadata: { name: 'kube-dns', labels: { 'k8s-app': 'kube-dns' } },
    spec: { clusterIP: DNS_ADDRESS, ports },
  })
  await create('/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices', {
    metadata: { name: 'kube-dns', labels: { 'kubernetes.io/service-name': 'kube-dns' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [NODE_ADDRESS], conditions: { ready: true } }],
    ports,
  })
  const dns = ClusterProcess.start('coredns', { ...cluster.place, binaries }, ['-conf', corefile])
  await dns.whenReady(async () => (await fetch(`http://${NODE_ADDRESS}:8181/ready`)).ok)
  return dns
}
