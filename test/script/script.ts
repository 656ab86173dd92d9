import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { parse } from 'yaml'
import type { Change } from '../../src/model/change.ts'
import { objectName } from '../../src/model/object-name.ts'
import { parseEndpointSlice } from '../../src/sources/objects/endpoint-slice.ts'
import type { Parsed } from '../../src/sources/objects/parsed.ts'
import { parseService } from '../../src/sources/objects/service.ts'
import type { IpFamily } from '../../src/util/address.ts'
import { SERVER_PORT } from '../support/service-world.ts'
import { resolve, resolveAll } from './names.ts'

const manifest = v.record(v.string(), v.unknown())

/** By the name of the server: fields of an endpoint of discovery.k8s.io/v1. Ready and on this node by default. */
const endpoints = v.record(v.string(), v.nullable(manifest))

const service = v.strictObject({
  metadata: v.optional(manifest, {}),
  spec: v.looseObject({ ports: v.array(v.looseObject({ name: v.optional(v.string()) })) }),
  status: v.optional(manifest),
  /** Of its only slice, or of its first. */
  endpoints: v.optional(endpoints, {}),
  /** Further ones. */
  slices: v.optional(
    v.array(
      v.strictObject({
        /** `other` is that of the family that the script is not read for. */
        family: v.optional(v.picklist(['own', 'other']), 'own'),
        /** Those of the Service by default. */
        ports: v.optional(v.array(manifest)),
        endpoints,
      }),
    ),
    [],
  ),
})

const lines = v.pipe(
  v.string(),
  v.transform((text) => text.split('\n').filter((line) => line.trim() !== '')),
)

const step = v.strictObject({
  /** Services as they are from this step on; null takes one away, and others stay. */
  services: v.optional(v.record(v.string(), v.nullable(service)), {}),
  /** One line a question; see `fates.ts`. */
  fates: v.optional(lines, ''),
  /** Places of objects that have a problem, as `Service default/web`. */
  problems: v.optional(v.array(v.string()), []),
  /** By backend: lines that must be among those that describe what is in the kernel. */
  kernel: v.optional(v.record(v.string(), lines), {}),
})

const schema = v.strictObject({
  about: v.string(),
  node: v.optional(
    v.strictObject({
      zone: v.optional(v.string()),
      masqueradeAll: v.optional(v.boolean()),
      masqueradeBit: v.optional(v.number()),
      /** Pods are told by where they come in, not by their addresses. */
      podInterface: v.optional(v.strictObject({ name: v.string(), isPrefix: v.boolean() })),
      /** Addresses that the node has beside its own. */
      carries: v.optional(v.array(v.string()), []),
    }),
    {},
  ),
  steps: v.array(step),
})

/** A world in steps, and what becomes of packets in each. */
export type Script = v.InferOutput<typeof schema>
export type Step = Script['steps'][number]

/** Reads a script for one family. Throws for what is no script. */
export async function readScript(file: URL, family: IpFamily): Promise<Script> {
  return v.parse(schema, parse(resolveAll(await readFile(file, 'utf8'), family), { merge: true }))
}

/** Slices of one Service at most: those that a step does not write are gone. */
const MOST_SLICES = 3

/** What a step says as a source would say it. Throws when a manifest of it is wrong. */
export const changesOf = ({ services }: Step, family: IpFamily): Change[] =>
  Object.entries(services).flatMap(([name, written]) => [
    serviceChange(name, written, family),
    ...Array.from({ length: MOST_SLICES }, (_, i) => sliceChange(name, i, written, family)),
  ])

type WrittenService = Step['services'][string]

function serviceChange(name: string, written: WrittenService, family: IpFamily): Change {
  const object = objectName('default', name)
  if (written === null) return { kind: 'Service', name: object, object: undefined }
  const { metadata, spec, status } = written
  const read = parseService({
    ...{ apiVersion: 'v1', kind: 'Service', spec: { ipFamilies: [family], ...spec }, status },
    metadata: { name, ...metadata },
  })
  return { kind: 'Service', name: object, object: soundValue(name, read) }
}

function sliceChange(service: string, index: number, written: WrittenService, family: IpFamily): Change {
  const name = `${service}-${index + 1}`
  const object = objectName('default', name)
  const slice = index === 0 ? written : written?.slices[index - 1]
  if (written === null || slice === null || slice === undefined)
    return { kind: 'EndpointSlice', name: object, object: undefined }
  const of = 'family' in slice && slice.family === 'other' ? OTHER[family] : family
  const ports = ('ports' in slice ? slice.ports : undefined) ?? written.spec.ports.map(endpointPort)
  const read = parseEndpointSlice({
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: of, ports },
    metadata: { name, labels: { 'kubernetes.io/service-name': service } },
    endpoints: Object.entries(slice.endpoints).map(([pod, fields]) => ({
      ...{ addresses: [resolve(pod, of)], nodeName: 'here', ...fields },
    })),
  })
  return { kind: 'EndpointSlice', name: object, object: soundValue(name, read) }
}

const OTHER = { IPv4: 'IPv6', IPv6: 'IPv4' } as const

/** Where a pod answers for a port of its Service: at the target port when that is written. */
const endpointPort = (port: Readonly<Record<string, unknown>>) => ({
  ...{ name: port.name, protocol: port.protocol, port: port.targetPort ?? SERVER_PORT },
})

function soundValue<Value>(name: string, { value, problems }: Parsed<Value>): Value | undefined {
  const wrong = problems.find(({ severity }) => severity === 'error')
  if (wrong !== undefined) throw new Error(`${name}: ${wrong.path.join('.')} ${wrong.reason}`)
  return value
}
