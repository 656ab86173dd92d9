/** Which system calls a process may make (core/v1 `SeccompProfile`). */
export type SeccompProfile =
  | { readonly kind: 'runtimeDefault' }
  | { readonly kind: 'unconfined' }
  /** A file, relative to the node's folder of profiles. */
  | { readonly kind: 'localhost'; readonly profile: string }

/** What AppArmor confines a process to (core/v1 `AppArmorProfile`). */
export type AppArmorProfile =
  | { readonly kind: 'runtimeDefault' }
  | { readonly kind: 'unconfined' }
  /** The name of a profile that the node's kernel has loaded. */
  | { readonly kind: 'localhost'; readonly profile: string }

/** core/v1 `PodSecurityContext`, but for what its containers take over. */
export interface PodSecurity {
  readonly runAsUser: number | undefined
  readonly runAsGroup: number | undefined
  readonly supplementalGroups: readonly number[]
  /** Owns the pod's volumes, and every process is one of it. */
  readonly fsGroup: number | undefined
  /** Kernel parameters of the pod's own namespaces. */
  readonly sysctls: ReadonlyMap<string, string>
}

/** core/v1 `SecurityContext`, with what the pod's says where the container's own says nothing. */
export interface ContainerSecurity {
  readonly runAsUser: number | undefined
  readonly runAsGroup: number | undefined
  /** It does not start as user 0. */
  readonly runAsNonRoot: boolean
  readonly privileged: boolean
  readonly allowPrivilegeEscalation: boolean
  readonly readOnlyRootFilesystem: boolean
  readonly addCapabilities: readonly string[]
  readonly dropCapabilities: readonly string[]
  /** Undefined: the node's default, which is unconfined. */
  readonly seccomp: SeccompProfile | undefined
  /** Undefined: the runtime's default. */
  readonly appArmor: AppArmorProfile | undefined
  /** All of /proc is there, also what is hidden or read-only otherwise. */
  readonly unmaskedProc: boolean
}
