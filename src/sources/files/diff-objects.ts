import { isDeepStrictEqual } from 'node:util'
import type { Change } from '../../model/change.ts'

/** Objects in force, by kind and name. */
export type ObjectTable = ReadonlyMap<string, Change>

export const tableKey = (change: Change): string => `${change.kind} ${change.name}`

/** What has to be said so that a listener who knows `before` knows `after`: removals first. */
export function diffObjects(before: ObjectTable, after: ObjectTable): readonly Change[] {
  const changes: Change[] = []
  for (const [key, { kind, name }] of before)
    if (!after.has(key)) changes.push({ kind, name, object: undefined })
  for (const [key, change] of after) {
    const known = before.get(key)
    if (known?.object !== change.object && !isDeepStrictEqual(known?.object, change.object))
      changes.push(change)
  }
  return changes
}
