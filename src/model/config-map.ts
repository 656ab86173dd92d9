import type { ObjectName } from './object-name.ts'

/** A core/v1 ConfigMap: `data` as UTF-8 text and `binaryData` decoded. */
export interface ConfigMap {
  readonly name: ObjectName
  readonly data: ReadonlyMap<string, string | Uint8Array>
}
