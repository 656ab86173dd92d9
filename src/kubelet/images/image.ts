import type { LayerEntry } from './archive/layer-entry.ts'

/** An image to be built: what it holds, and the defaults that it gives a container (OCI image-spec, config.md). */
export interface Image {
  /** Full reference with registry and tag, such as `localhost/web:1`: containerd looks it up by exactly this. */
  readonly name: string
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  /** `NAME=value`, in order. */
  readonly env: readonly string[]
  readonly workingDir: string
  /** User or `user:group`, by name or number; empty is root. */
  readonly user: string
  /** `8080/tcp`; documentation only, as everywhere. */
  readonly exposedPorts: readonly string[]
  /** In any order; folders that are only implied by a path may be left out. */
  readonly entries: readonly LayerEntry[]
}
