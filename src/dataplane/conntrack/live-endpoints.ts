import type { Endpoint, Frontend } from '../desired/frontend.ts'

/** An endpoint's identity within its frontend. */
export const endpointKey = ({ address, port }: Endpoint): string => `${address}/${port}`

/** As people write it: `10.0.0.1:8080`, `[fd00::1]:8080`. */
export const formatEndpoint = ({ address, port }: Pick<Endpoint, 'address' | 'port'>): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

/** Every endpoint that rightly has connections of the frontend, new ones or those of before, each once. */
export function liveEndpoints(frontend: Frontend): readonly Endpoint[] {
  const { endpoints, localEndpoints = [], keptEndpoints } = frontend
  if (localEndpoints.length === 0 && keptEndpoints.length === 0) return endpoints
  const known = new Set(endpoints.map(endpointKey))
  const onlyLocal = localEndpoints.filter((endpoint) => !known.has(endpointKey(endpoint)))
  return [...endpoints, ...onlyLocal, ...keptEndpoints]
}

/** Some client's new connections get an endpoint. */
export const takesConnections = ({ endpoints, localEndpoints = [] }: Frontend): boolean =>
  endpoints.length > 0 || localEndpoints.length > 0
