import type { NodeTaint } from '../../config/node-registration.ts'
import type { IpAddress } from '../../util/address.ts'
import type { Machine } from './machine.ts'

/** What does not change while the process lives. */
export interface NodeIdentity {
  readonly name: string
  readonly addresses: readonly IpAddress[]
  /** Beside the well-known ones. */
  readonly labels: ReadonlyMap<string, string>
  /** Only of a Node that is made: an administrator's changes stay. */
  readonly taints: readonly NodeTaint[]
  readonly maxPods: number
  readonly machine: Machine
  /** `containerd://1.6.20` */
  readonly runtimeVersion: string
  readonly kubeletVersion: string
}

/** What does. */
export interface NodeHealth {
  /** Why the node cannot run pods; undefined when it can. */
  readonly notReady: string | undefined
}

/** core/v1 NodeCondition. */
export interface NodeCondition {
  readonly type: string
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
}

/** Memory that the kubelet keeps back before it evicts pods (evictionHard, memory.available). */
const MEMORY_RESERVED = 100 * 2 ** 20

/** Labels that every node has (well-known labels of the API). */
export const nodeLabels = ({ name, labels, machine }: NodeIdentity): Readonly<Record<string, string>> => ({
  'kubernetes.io/hostname': name,
  'kubernetes.io/os': 'linux',
  'kubernetes.io/arch': machine.architecture,
  ...Object.fromEntries(labels),
})

/** A core/v1 Node to be made. */
export const nodeObject = (identity: NodeIdentity): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: identity.name, labels: nodeLabels(identity) },
  spec: identity.taints.length === 0 ? {} : { taints: identity.taints },
})

/** `status` of the Node but for its conditions. */
export function nodeStatus(identity: NodeIdentity): object {
  const { machine, name, addresses } = identity
  const memory = (bytes: number): string => `${Math.floor(bytes / 1024)}Ki`
  const common = { cpu: String(machine.cpus), pods: String(identity.maxPods) }
  return {
    addresses: [
      ...addresses.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: name },
    ],
    capacity: { ...common, memory: memory(machine.memoryBytes) },
    allocatable: { ...common, memory: memory(machine.memoryBytes - MEMORY_RESERVED) },
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.systemUuid,
      bootID: machine.bootId,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: identity.runtimeVersion,
      kubeletVersion: identity.kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: machine.architecture,
    },
  }
}

/** The conditions that the node controller and the scheduler look at, with the kubelet's own reasons. */
export const nodeConditions = ({ notReady }: NodeHealth): readonly NodeCondition[] => [
  fine('MemoryPressure', 'KubeletHasSufficientMemory', 'there is memory enough'),
  fine('DiskPressure', 'KubeletHasNoDiskPressure', 'there is disk space enough'),
  fine('PIDPressure', 'KubeletHasSufficientPID', 'there are process IDs enough'),
  notReady === undefined
    ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'the node runs pods' }
    : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: notReady },
]

const fine = (type: string, reason: string, message: string): NodeCondition => ({
  type,
  status: 'False',
  reason,
  message,
})
