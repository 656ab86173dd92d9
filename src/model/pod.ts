import type { ConfigReference } from './config-object.ts'
import type { ObjectName } from './object-name.ts'
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
  readonly resource: 'limits.cpu' | 'limits.memory' | 'requests.cpu' | 'requests.memory'
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
  readonly readOnly: boolean
}

export interface ContainerPort {
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
}

/** CPU in milli-cores, memory in bytes; undefined where the manifest sets none. */
export interface ResourceAmounts {
  readonly cpuMilli: number | undefined
  readonly memoryBytes: number | undefined
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
}

export interface ContainerSecurity {
  readonly runAsUser: number | undefined
  readonly runAsGroup: number | undefined
  readonly privileged: boolean
  readonly readOnlyRootFilesystem: boolean
  readonly addCapabilities: readonly string[]
  readonly dropCapabilities: readonly string[]
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
  readonly labels: ReadonlyMap<string, string>
  readonly annotations: ReadonlyMap<string, string>
  /** In whose name its tokens speak. */
  readonly serviceAccount: string
  readonly hostNetwork: boolean
  readonly hostname: string
  readonly restartPolicy: RestartPolicy
  readonly terminationGracePeriodSeconds: number
  readonly initContainers: readonly Container[]
  readonly containers: readonly Container[]
  readonly volumes: readonly Volume[]
}
