import * as v from 'valibot'
import { type ObjectName, objectName } from '../../model/object-name.ts'
import { dnsLabel, dnsSubdomain } from './names.ts'

/** Written by the API server or by controllers; a node has no use for them. */
const bookkeeping = {
  uid: v.nullish(v.string(), ''),
  resourceVersion: v.nullish(v.unknown()),
  generation: v.nullish(v.number(), 0),
  generateName: v.nullish(v.unknown()),
  creationTimestamp: v.nullish(v.unknown()),
  deletionTimestamp: v.nullish(v.string()),
  deletionGracePeriodSeconds: v.nullish(v.number(), 0),
  managedFields: v.nullish(v.unknown()),
  ownerReferences: v.nullish(v.unknown()),
  finalizers: v.nullish(v.unknown()),
  selfLink: v.nullish(v.unknown()),
}

const textMap = v.nullish(v.record(v.string(), v.string()), {})

/** meta/v1 ObjectMeta of an object whose name follows `name`'s rule. */
export const objectMeta = <Name extends v.GenericSchema<string, string>>(name: Name) =>
  v.object({
    name,
    namespace: v.nullish(dnsLabel, 'default'),
    labels: textMap,
    annotations: textMap,
    ...bookkeeping,
  })

/** ObjectMeta of a pod template: the pods' names come from the owner. */
export const templateMeta = v.nullish(
  v.object({
    name: v.nullish(dnsSubdomain),
    namespace: v.nullish(dnsLabel),
    labels: textMap,
    annotations: textMap,
    ...bookkeeping,
  }),
  {},
)

/** Every object carries these beside what its schema names. */
export const typeMeta = { apiVersion: v.string(), kind: v.string() }

export const nameOf = (meta: { namespace: string; name: string }): ObjectName =>
  objectName(meta.namespace, meta.name)

/** When the object was made, in ms since the epoch; undefined when it does not say (RFC 3339, as the API writes). */
export function createdAt({ creationTimestamp }: { creationTimestamp?: unknown }): number | undefined {
  const time = typeof creationTimestamp === 'string' ? Date.parse(creationTimestamp) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

export const toMap = (record: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(record))
