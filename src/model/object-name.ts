declare const nameBrand: unique symbol
/** `namespace/name`: the identity of a namespaced object within its kind. */
export type ObjectName = string & { readonly [nameBrand]: true }

export const objectName = (namespace: string, name: string): ObjectName =>
  `${namespace}/${name}` as ObjectName

export const splitObjectName = (name: ObjectName): { namespace: string; name: string } => {
  const slash = name.indexOf('/')
  return { namespace: name.slice(0, slash), name: name.slice(slash + 1) }
}
