import type { Endpoint, Frontend } from '../desired/frontend.ts'

/** An endpoint's identity within its frontend. */
export const endpointKey = ({ address, port }: Endpoint): string => `${address}/${port}`

/** Every endpoint that some client of the frontend can get, each once. */
export function reachableEndpoints({ endpoints, localEndpoints = [] }: Frontend): readonly Endpoint[] {
  if (localEndpoints.length === 0) return endpoints
  const known = new Set(endpoints.map(endpointKey))
  return [...endpoints, ...localEndpoints.filter((endpoint) => !known.has(endpointKey(endpoint)))]
}
