/** The values by what `key` says of each, in their order. `Map.groupBy` is missing from Node.js 20. */
export function groupBy<Key, Value>(
  values: Iterable<Value>,
  key: (value: Value) => Key,
): ReadonlyMap<Key, readonly Value[]> {
  const groups = new Map<Key, Value[]>()
  for (const value of values) {
    const group = groups.get(key(value))
    if (group === undefined) groups.set(key(value), [value])
    else group.push(value)
  }
  return groups
}
