import { type ObjectName, objectName } from '../../model/object-name.ts'

/** The name of an object that a reflector keeps under `namespace/name`. */
export function nameOfKey(key: string): ObjectName {
  const slash = key.indexOf('/')
  return objectName(key.slice(0, slash), key.slice(slash + 1))
}
