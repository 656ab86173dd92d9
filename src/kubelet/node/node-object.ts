import type { NodeTaint } from '../../config/node-registration.ts'
import type { RuntimeFeatures, RuntimeHandler } from '../../gen/runtime.ts'
import type { IpAddress } from '../../util/address.ts'
import type { Machine } from './machine.ts'
import {
  HUGE_PAGES,
  nodeAllocatable,
  nodeCapacity,
  type ReservedResources,
  resourceList,
} from './resources.ts'

/** What does not change while the process lives. */
export interface NodeIdentity {
  readonly name: string
  readonly addresses: readonly IpAddress[]
  /** Beside the well-known ones. */
  readonly labels: ReadonlyMap<string, string>
  /** Only of a Node that is made: an administrator's changes stay, and the API server lets no node change them. */
  readonly taints: readonly NodeTaint[]
  readonly maxPods: number
  /** Kept back from pods. */
  readonly reserved: ReservedResources
  readonly machine: Machine
  readonly kubeletVersion: string
  /** Where the API server finds logs, exec and metrics; 0: nowhere. */
  readonly kubeletPort: number
}

/** What the runtime says of itself. */
export interface RuntimeDescription {
  /** `containerd://1.6.20`; empty while it does not answer. */
  readonly version: string
  /** Old ones say neither this nor their features. */
  readonly handlers: readonly RuntimeHandler[]
  readonly features: RuntimeFeatures | undefined
}

/**
 * Labels that every node has (well-known labels of the API). Where it stands and what it is made of are the cloud's to
 * say.
 */
export const nodeLabels = ({ name, labels, machine }: NodeIdentity): Readonly<Record<string, string>> => ({
  'kubernetes.io/hostname': name,
  'kubernetes.io/os': 'linux',
  'kubernetes.io/arch': machine.architecture,
  // Old manifests select nodes by these.
  'beta.kubernetes.io/os': 'linux',
  'beta.kubernetes.io/arch': machine.architecture,
  ...Object.fromEntries(labels),
})

/** Volumes are attached by the cluster's controller, not from here. */
export const NODE_ANNOTATIONS: Readonly<Record<string, string>> = {
  'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
}

/** A core/v1 Node to be made. Nobody should meet one without an address. */
export const nodeObject = (identity: NodeIdentity): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: identity.name, labels: nodeLabels(identity), annotations: NODE_ANNOTATIONS },
  spec: identity.taints.length === 0 ? {} : { taints: identity.taints },
  status: { addresses: statusAddresses(identity) },
})

const statusAddresses = ({ name, addresses }: NodeIdentity): readonly object[] => [
  ...addresses.map((address) => ({ type: 'InternalIP', address })),
  { type: 'Hostname', address: name },
]

/** core/v1 NodeStatus. */
export interface NodeStatus {
  readonly capacity: Readonly<Record<string, string>>
  readonly allocatable: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** `status` of the Node but for its conditions and images. */
export function nodeStatus(
  identity: NodeIdentity,
  { version, handlers, features }: RuntimeDescription,
): NodeStatus {
  const { machine } = identity
  const capacity = nodeCapacity(machine, identity.maxPods)
  return {
    addresses: statusAddresses(identity),
    capacity: resourceList(capacity),
    allocatable: resourceList(nodeAllocatable(capacity, identity.reserved)),
    daemonEndpoints: { kubeletEndpoint: { Port: identity.kubeletPort } },
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.systemUuid,
      bootID: machine.bootId,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: version,
      kubeletVersion: identity.kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: machine.architecture,
      ...(machine.swapBytes === 0 ? {} : { swap: { capacity: machine.swapBytes } }),
    },
    runtimeHandlers: handlers
      .map(({ name, features }) => ({
        name,
        features: {
          recursiveReadOnlyMounts: features?.recursiveReadOnlyMounts ?? false,
          userNamespaces: features?.userNamespaces ?? false,
        },
      }))
      // A runtime lists them as a Go map has them: in another order each time.
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    ...(features === undefined
      ? {}
      : { features: { supplementalGroupsPolicy: features.supplementalGroupsPolicy } }),
  }
}

/**
 * A status to be merged into that of a Node whose capacity has these resources: sizes of huge pages that the kernel
 * offered once and does no more go; all else that is there may be a device plugin's.
 */
export function withoutGonePages(status: NodeStatus, resources: readonly string[]): object {
  const { capacity, allocatable } = status
  const gone = resources.filter((name) => name.startsWith(HUGE_PAGES) && !(name in capacity))
  const removed = Object.fromEntries(gone.map((name) => [name, null]))
  return { ...status, capacity: { ...capacity, ...removed }, allocatable: { ...allocatable, ...removed } }
}
