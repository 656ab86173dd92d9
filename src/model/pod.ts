import type { IpAddress } from '../util/address.ts'
import type { ConfigReference } from './config-object.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { ObjectName } from './object-name.ts'
import type { Placement } from './placement.ts'
import type { HostAlias, PodDns } from './pod-network.ts'
import type { ContainerSecurity, PodSecurity } from './pod-security.ts'
import type { ContainerProbes } from './probe.ts'
import type { Protocol } from './service.ts'

/** Where an environment variable's value comes from (core/v1 `EnvVar`, `EnvVarSource`). */
export type EnvValue =
  | { readonly kind: 'literal'; readonly value: string }
  | { readonly kind: 'configKey'; readonly from: ConfigReference; readonly key: string }
  | { readonly kind: 'field'; readonly path: string }
  | ({ readonly kind: 'resource' } & ResourceReference)

/** What a container asks for or may use, as text (core/v1 `ResourceFieldSelector`). */
export interface ResourceReference {
  /** Undefined: the container that asks. */
  readonly container: string | undefined
  readonly resource: `${'limits' | 'requests'}.${'cpu' | 'memory' | 'ephemeral-storage'}`
  /** In cores or bytes; the quotient is rounded up. */
  readonly divisor: number
}

export interface EnvVariable {
  readonly name: string
  readonly value: EnvValue
}

/** Every key of a ConfigMap or Secret as a variable (core/v1 `EnvFromSource`). */
export interface EnvFrom {
  readonly from: ConfigReference
  readonly prefix: string
}

export interface VolumeMount {
  readonly volume: string
  readonly mountPath: string
  readonly subPath: string
  /** `subPath` with `$(VAR)` of the container's variables in it; empty: there is none. */
  readonly subPathExpr: string
  readonly readOnly: boolean
  /** Whether mounts made later on one side are seen on the other (core/v1 `MountPropagationMode`). */
  readonly propagation: 'None' | 'HostToContainer' | 'Bidirectional'
}

export interface ContainerPort {
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
  /** The node's port that leads to it; 0: none. */
  readonly hostPort: number
  /** Undefined: every address of the node. */
  readonly hostIP: IpAddress | undefined
}

/** CPU in milli-cores, memory and disk in bytes; undefined where the manifest sets none. */
export interface ResourceAmounts {
  readonly cpuMilli: number | undefined
  readonly memoryBytes: number | undefined
  readonly ephemeralStorageBytes?: number | undefined
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly workingDir: string
  readonly env: readonly EnvVariable[]
  readonly envFrom: readonly EnvFrom[]
  readonly ports: readonly ContainerPort[]
  readonly volumeMounts: readonly VolumeMount[]
  readonly requests: ResourceAmounts
  readonly limits: ResourceAmounts
  readonly security: ContainerSecurity
  readonly probes: ContainerProbes
  readonly lifecycle: Lifecycle
  /** An init container that goes on beside the others (`restartPolicy: Always`, KEP-753). */
  readonly sidecar: boolean
  readonly terminationMessage: TerminationMessage
  readonly terminal: Terminal
}

/** Where a container leaves its last words. */
export interface TerminationMessage {
  /** In the container. */
  readonly path: string
  /** The end of its log stands in for an empty file when it failed. */
  readonly fallsBackToLogs: boolean
}

/** What a container's standard streams are. */
export interface Terminal {
  readonly stdin: boolean
  /** Its input ends with the first who was attached to it. */
  readonly stdinOnce: boolean
  readonly tty: boolean
}

export type VolumeSource =
  | { readonly kind: 'emptyDir'; readonly medium: 'disk' | 'memory'; readonly sizeBytes: number | undefined }
  | { readonly kind: 'hostPath'; readonly path: string; readonly type: string }
  /** configMap, secret, downwardAPI and projected volumes: files that are written here, all at one moment. */
  | {
      readonly kind: 'files'
      /** As the volume's type is called in paths, which another kubelet of this node goes by. */
      readonly plugin: 'configmap' | 'secret' | 'downward-api' | 'projected'
      /** Secrets stay in memory. */
      readonly medium: 'disk' | 'memory'
      /** Mode bits of the files that have none of their own. */
      readonly mode: number
      readonly parts: readonly FilePart[]
    }

/** Where files of a volume come from. Of two with one path, the later one holds. */
export type FilePart =
  | {
      readonly kind: 'config'
      readonly from: ConfigReference
      /** Empty: every key under its own name. */
      readonly items: readonly ({ readonly key: string } & FilePlace)[]
    }
  | ({ readonly kind: 'field'; readonly field: string } & FilePlace)
  | ({ readonly kind: 'resource' } & ResourceReference & FilePlace)
  | {
      readonly kind: 'token'
      /** Undefined: the API server's own. */
      readonly audience: string | undefined
      readonly expirationSeconds: number
      readonly path: string
    }

export interface FilePlace {
  /** Relative to the volume. */
  readonly path: string
  readonly mode: number | undefined
}

export interface Volume {
  readonly name: string
  readonly source: VolumeSource
}

/** What the API server has been told of a pod, as far as it binds the node. */
export interface ToldStatus {
  /** It has ended: it is not started again, whoever said so. */
  readonly ended: 'Succeeded' | 'Failed' | undefined
  /** When a node took it on, in ms since the epoch. */
  readonly startedAt: number | undefined
  /** The conditions of its readiness gates, by type: `True`, `False` or `Unknown`. */
  readonly gates: ReadonlyMap<string, string>
  /** Runtime IDs of containers that were not ready. */
  readonly unready: ReadonlySet<string>
}

export const TOLD_NOTHING: ToldStatus = {
  ended: undefined,
  startedAt: undefined,
  gates: new Map(),
  unready: new Set(),
}

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never'

/** A core/v1 Pod as the node runs it. Unsupported fields became Problems at the door. */
export interface Pod {
  readonly name: ObjectName
  /**
   * Identity of this incarnation. From an API server it is `metadata.uid`; from a folder it is a hash of the
   * manifest, so that a changed manifest is another pod and an unchanged one is adopted after a restart.
   */
  readonly uid: string
  /** Counts the changes of its spec; 0 for one from a folder. */
  readonly generation: number
  /** It is to end, and this is how long its containers may take; undefined for one that may go on. */
  readonly deletion: { readonly graceSeconds: number } | undefined
  /** ms since the epoch; undefined for one from a folder. */
  readonly createdAt: number | undefined
  readonly told: ToldStatus
  readonly labels: ReadonlyMap<string, string>
  readonly annotations: ReadonlyMap<string, string>
  /** In whose name its tokens speak. */
  readonly serviceAccount: string
  readonly placement: Placement
  readonly hostNetwork: boolean
  readonly hostPID: boolean
  readonly hostIPC: boolean
  /** All containers see each other's processes. */
  readonly shareProcessNamespace: boolean
  /** Without its domain, in 63 characters. */
  readonly hostname: string
  /** With it, the pod has a name in the cluster's DNS; empty: it has none. */
  readonly subdomain: string
  /** The kernel's host name is the full one. */
  readonly setHostnameAsFqdn: boolean
  readonly hostAliases: readonly HostAlias[]
  readonly dns: PodDns
  /** Its containers are told of the Services of its namespace. */
  readonly enableServiceLinks: boolean
  readonly security: PodSecurity
  /** Names of Secrets with credentials of registries. */
  readonly imagePullSecrets: readonly string[]
  /** Its time from start to end, in s; undefined: as long as it takes. */
  readonly activeDeadlineSeconds: number | undefined
  /** Conditions that others set and that it is not ready without. */
  readonly readinessGates: readonly string[]
  /**
   * What it asks for and this node cannot do, where to do without would be wrong: one sentence a field. Unless there is
   * nothing, the pod is not started.
   */
  readonly unsupported: readonly string[]
  /** What it asks for and runs without here, one sentence a field. */
  readonly ignored: readonly string[]
  readonly restartPolicy: RestartPolicy
  readonly terminationGracePeriodSeconds: number
  readonly initContainers: readonly Container[]
  readonly containers: readonly Container[]
  readonly volumes: readonly Volume[]
}
