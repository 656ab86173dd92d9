import * as v from 'valibot'
import type { EndpointSlice, SliceEndpoint } from '../../model/endpoint-slice.ts'
import { objectName } from '../../model/object-name.ts'
import { familyOf } from '../../util/address.ts'
import { nameOf, objectMeta, typeMeta } from './metadata.ts'
import { dnsSubdomain } from './names.ts'
import { ipAddress, portNumber, protocol } from './network-fields.ts'
import { Findings, type Parsed } from './parsed.ts'
import { type Reading, readSchema } from './read-schema.ts'

const serviceLabel = 'kubernetes.io/service-name'
const triggerAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time'

const named = v.nullish(v.array(v.object({ name: v.string() })), [])

const endpoint = v.object({
  addresses: v.pipe(v.array(v.string()), v.minLength(1, 'must have an address')),
  conditions: v.nullish(
    v.object({
      ready: v.nullish(v.boolean(), true),
      serving: v.nullish(v.boolean()),
      terminating: v.nullish(v.boolean(), false),
    }),
    {},
  ),
  hostname: v.nullish(v.string()),
  nodeName: v.nullish(v.string()),
  zone: v.nullish(v.string()),
  hints: v.nullish(v.object({ forZones: named, forNodes: named }), {}),
  targetRef: v.nullish(v.unknown()),
  deprecatedTopology: v.nullish(v.unknown()),
})

const schema = v.object({
  ...typeMeta,
  metadata: objectMeta(dnsSubdomain),
  addressType: v.picklist(['IPv4', 'IPv6', 'FQDN']),
  ports: v.nullish(
    v.array(
      v.object({
        name: v.nullish(v.string(), ''),
        protocol: v.nullish(protocol, 'TCP'),
        port: v.nullish(portNumber),
        appProtocol: v.nullish(v.string()),
      }),
    ),
    [],
  ),
  endpoints: v.nullish(v.array(endpoint), []),
})

type Written = v.InferOutput<typeof schema>

/** Reads a discovery.k8s.io/v1 EndpointSlice. One of type FQDN, or of no Service, has no value. */
export function parseEndpointSlice(object: unknown, reading?: Reading): Parsed<EndpointSlice> {
  const { output, problems } = readSchema(schema, object, reading)
  const findings = new Findings(problems)
  if (output === undefined) return findings.withoutValue()
  const { addressType, metadata } = output
  const service = metadata.labels[serviceLabel]
  if (service === undefined)
    findings.warning(['metadata', 'labels'], `lacks ${serviceLabel}: the slice belongs to no Service`)
  if (addressType === 'FQDN') findings.warning(['addressType'], 'is FQDN, which no proxy serves')
  if (service === undefined || addressType === 'FQDN') return findings.withoutValue()
  const ports = output.ports.flatMap((port, index) => {
    if (typeof port.port === 'number') return [{ name: port.name, protocol: port.protocol, port: port.port }]
    findings.warning(['ports', index], 'has no port number and is ignored')
    return []
  })
  const endpoints = output.endpoints.flatMap((_, index) => toEndpoint(output, index, findings))
  return findings.conclude(() => ({
    name: nameOf(metadata),
    service: objectName(metadata.namespace, service),
    family: addressType,
    ports,
    endpoints,
    triggerTime: triggerTime(metadata.annotations[triggerAnnotation]),
  }))
}

/** Only the first address counts: the addresses of one endpoint are interchangeable (discovery/v1 Endpoint). */
function toEndpoint(slice: Written, index: number, findings: Findings): readonly SliceEndpoint[] {
  const written = slice.endpoints[index]
  const address = v.safeParse(ipAddress, written?.addresses[0])
  if (written === undefined || !address.success || familyOf(address.output) !== slice.addressType) {
    const path = ['endpoints', index, 'addresses', 0]
    findings.error(
      path,
      `must be an ${slice.addressType} address, not ${JSON.stringify(written?.addresses[0])}`,
    )
    return []
  }
  const { ready, serving, terminating } = written.conditions
  return [
    {
      address: address.output,
      ready,
      serving: serving ?? ready,
      terminating,
      nodeName: written.nodeName ?? undefined,
      zone: written.zone ?? undefined,
      forZones: namesOf(written.hints.forZones),
      forNodes: namesOf(written.hints.forNodes),
    },
  ]
}

/** One list for the many endpoints without hints. */
const NO_NAMES: readonly string[] = []

const namesOf = (named: readonly { readonly name: string }[]): readonly string[] =>
  named.length === 0 ? NO_NAMES : named.map(({ name }) => name)

function triggerTime(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}
