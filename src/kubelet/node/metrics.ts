import { Gauge } from 'prom-client'
import type { Registry } from '../../metrics/registry.ts'
import type { NodeIdentity } from './node-object.ts'

/** What a node is: labels by which dashboards join other metrics, under the kubelet's and cAdvisor's names. */
export function addNodeMetrics(registry: Registry, { name, machine, kubeletVersion }: NodeIdentity): void {
  const registers = [registry]
  new Gauge({ name: 'kubelet_node_name', help: 'Always 1.', labelNames: ['node'], registers })
    .labels(name)
    .set(1)
  const { machineId: machine_id, systemUuid: system_uuid, bootId: boot_id } = machine
  const labels = { machine_id, system_uuid, boot_id }
  const labelNames = ['machine_id', 'system_uuid', 'boot_id'] as const
  new Gauge({ name: 'machine_cpu_cores', help: 'CPUs of the machine.', labelNames, registers })
    .labels(labels)
    .set(machine.cpus)
  new Gauge({ name: 'machine_memory_bytes', help: 'Memory of the machine.', labelNames, registers })
    .labels(labels)
    .set(machine.memoryBytes)
  addBuildInfo(registry, kubeletVersion, machine.architecture)
}

/** `v1.36.0+hawser.1.2.3`; what only a build of Go has is empty. */
function addBuildInfo(registry: Registry, git_version: string, architecture: string): void {
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(git_version) ?? []
  const labels = {
    ...{ major, minor, git_version, git_commit: '', git_tree_state: '', build_date: '' },
    ...{ go_version: '', compiler: '', platform: `linux/${architecture}` },
  }
  new Gauge({
    name: 'kubernetes_build_info',
    help: 'Always 1; the labels say which Kubernetes this is a node of.',
    labelNames: Object.keys(labels),
    registers: [registry],
  })
    .labels(labels)
    .set(1)
}
