import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { parse } from 'yaml'
import type { Change } from '../../src/model/change.ts'
import { objectName } from '../../src/model/object-name.ts'
import { parseEndpointSlice } from '../../src/sources/objects/endpoint-slice.ts'
import { parseService } from '../../src/sources/objects/service.ts'
import type { IpFamily } from '../../src/util/address.ts'
import { SERVER_PORT } from '../support/service-world.ts'
import { resolve, resolveAll } from './names.ts'

const manifest = v.record(v.string(), v.unknown())

const service = v.strictObject({
  metadata: v.optional(manifest, {}),
  spec: v.looseObject({ ports: v.array(v.looseObject({ name: v.optional(v.string()) })) }),
  status: v.optional(manifest),
  /** By the name of the server: fields of an endpoint of discovery.k8s.io/v1. Ready and on this node by default. */
  endpoints: v.optional(v.record(v.string(), v.nullable(manifest)), {}),
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
    v.strictObject({ zone: v.optional(v.string()), masqueradeAll: v.optional(v.boolean()) }),
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

/** What a step says as a source would say it. Throws when a manifest of it is wrong. */
export function changesOf({ services }: Step, family: IpFamily): Change[] {
  return Object.entries(services).flatMap(([name, written]): Change[] => {
    const names = { service: objectName('default', name), slice: objectName('default', `${name}-1`) }
    if (written === null)
      return [
        { kind: 'Service', name: names.service, object: undefined },
        { kind: 'EndpointSlice', name: names.slice, object: undefined },
      ]
    const { metadata, spec, status, endpoints } = written
    const read = parseService({
      ...{ apiVersion: 'v1', kind: 'Service', spec: { ipFamilies: [family], ...spec }, status },
      metadata: { name, ...metadata },
    })
    const slice = parseEndpointSlice({
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: family },
      metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      ports: spec.ports.map((port) => ({ ...port, port: SERVER_PORT })),
      endpoints: Object.entries(endpoints).map(([pod, fields]) => ({
        ...{ addresses: [resolve(pod, family)], nodeName: 'here', ...fields },
      })),
    })
    const [wrong] = [...read.problems, ...slice.problems].filter(({ severity }) => severity === 'error')
    if (wrong !== undefined) throw new Error(`${name}: ${wrong.path.join('.')} ${wrong.reason}`)
    return [
      { kind: 'Service', name: names.service, object: read.value },
      { kind: 'EndpointSlice', name: names.slice, object: slice.value },
    ]
  })
}
