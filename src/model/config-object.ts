import type { ObjectName } from './object-name.ts'

/** Kinds of objects that hold what containers are configured with. */
export type ConfigKind = 'ConfigMap' | 'Secret'

/** A core/v1 ConfigMap or Secret: what its keys hold, text as UTF-8. A Secret's values are bytes. */
export interface ConfigObject {
  readonly kind: ConfigKind
  readonly name: ObjectName
  readonly data: ReadonlyMap<string, string | Uint8Array>
}

/** One in the namespace of whoever refers to it. */
export interface ConfigReference {
  readonly kind: ConfigKind
  readonly name: string
  /** Does without it, or without the key asked for. */
  readonly optional: boolean
}

/** Looks one up; undefined when it is not there. */
export type ConfigLookup = (kind: ConfigKind, name: ObjectName) => ConfigObject | undefined
