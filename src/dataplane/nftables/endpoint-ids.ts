import type { Endpoint, Frontend } from '../desired/frontend.ts'
import type { Placement } from './placement.ts'

/** IDs of the endpoints in the slots of the same index. */
export interface EndpointIds {
  readonly slots: readonly number[]
  readonly upper: readonly number[]
}

/**
 * The numbers by which clients with affinity remember endpoints. They follow from address and port, so that a table
 * made anew, also by a later process, still knows what clients remember.
 *
 * Who may get an endpoint is part of its number: what a client from outside remembers of the time before
 * externalTrafficPolicy became Local is nothing that it could be given afterwards.
 */
export function endpointIds(frontend: Frontend, { slots, upper }: Placement): EndpointIds {
  const taken = new Set<number>()
  const number = (endpoints: readonly Endpoint[], audience: string): readonly number[] => {
    const ids = new Map<Endpoint, number>()
    for (const endpoint of [...endpoints].sort(byText)) {
      let id = hash(`${audience} ${textOf(endpoint)}`)
      // Two of a frontend that hash alike are one in billions; the second takes the next number.
      while (id === 0 || taken.has(id)) id = (id + 1) >>> 0
      taken.add(id)
      ids.set(endpoint, id)
    }
    return endpoints.map((endpoint) => ids.get(endpoint) ?? 0)
  }
  const isLocal = frontend.localEndpoints !== undefined
  return { slots: number(slots, isLocal ? 'inside' : 'anyone'), upper: number(upper, 'outside') }
}

const textOf = ({ address, port }: Endpoint): string => `${address} ${port}`

function byText(a: Endpoint, b: Endpoint): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1
  return a.port - b.port
}

/** FNV-1a of 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
