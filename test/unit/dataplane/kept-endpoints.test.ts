import fc from 'fast-check'
import { it } from 'vitest'
import { DesiredCompiler } from '../../../src/dataplane/desired/compiler.ts'
import type { Endpoint } from '../../../src/dataplane/desired/frontend.ts'
import { objectName } from '../../../src/model/object-name.ts'
import { port, service, serviceChange, slice, sliceChange, sliceEndpoint } from '../../support/services.ts'

/** Any condition, place and hint, at one of a few addresses, so that slices name some of them twice. */
const anyEndpoint = fc
  .record({
    host: fc.integer({ min: 1, max: 8 }),
    ready: fc.boolean(),
    serving: fc.boolean(),
    terminating: fc.boolean(),
    nodeName: fc.constantFrom('here', 'there'),
    forNodes: fc.constantFrom([], ['here'], ['there']),
  })
  .map(({ host, ...fields }) =>
    sliceEndpoint(`10.1.0.${host}`, { ...fields, serving: fields.serving || fields.ready }),
  )

const anyWorld = fc.record({
  slices: fc.array(fc.array(anyEndpoint, { maxLength: 6 }), { maxLength: 3 }),
  internalTrafficPolicy: fc.constantFrom('Cluster' as const, 'Local' as const),
  externalTrafficPolicy: fc.constantFrom('Cluster' as const, 'Local' as const),
})

const addresses = (endpoints: readonly Endpoint[]): readonly string[] =>
  endpoints.map(({ address }) => address)

it('every endpoint that serves takes new connections of a frontend or keeps those it has, and no other does', () => {
  fc.assert(
    fc.property(anyWorld, ({ slices, ...policies }) => {
      const compiler = new DesiredCompiler({ families: ['IPv4'], nodeName: 'here' })
      const ports = [port({ nodePort: 30080 })]
      compiler.apply(serviceChange(service('web', '10.96.0.1', { type: 'NodePort', ports, ...policies })))
      for (const [i, endpoints] of slices.entries())
        compiler.apply(
          sliceChange(slice('web', endpoints, { name: objectName('default', `web-${i}`), family: 'IPv4' })),
        )
      compiler.compile()
      const serving = new Set(slices.flat().flatMap(({ address, serving }) => (serving ? [address] : [])))
      for (const { endpoints, localEndpoints = [], keptEndpoints } of compiler.frontends('IPv4').values()) {
        const taking = new Set([...addresses(endpoints), ...addresses(localEndpoints)])
        const kept = addresses(keptEndpoints)
        const named = [...taking, ...kept].sort().join()
        if (named !== [...serving].sort().join()) throw new Error(`${named} are not those that serve`)
      }
    }),
  )
})
