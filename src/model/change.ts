import type { ConfigObject } from './config-object.ts'
import type { EndpointSlice } from './endpoint-slice.ts'
import type { ObjectName } from './object-name.ts'
import type { Pod } from './pod.ts'
import type { Service } from './service.ts'

interface Changed<Kind extends string, Value> {
  readonly kind: Kind
  readonly name: ObjectName
  /** The object as it is now; undefined when it is gone. */
  readonly object: Value | undefined
}

/**
 * What a source says: one object as it is now. Saying the same again is harmless, and an object never said is not
 * there. Sources hand over arrays of changes; those of one array belong together (one file save, one watch batch).
 */
export type Change =
  | Changed<'Service', Service>
  | Changed<'EndpointSlice', EndpointSlice>
  | Changed<'Pod', Pod>
  | Changed<'ConfigMap', ConfigObject>
  | Changed<'Secret', ConfigObject>

export type ChangeOf<Kind extends Change['kind']> = Extract<Change, { kind: Kind }>
