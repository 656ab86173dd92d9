import type { Endpoint, Frontend } from '../desired/frontend.ts'

/** One port of a Service in one family: its frontends and what its chains are called. */
export interface Port {
  readonly frontends: readonly Frontend[]
  /** `namespace/name:port`, as comments call it. */
  readonly label: string
  readonly first: Frontend
  /** Names of the port's own chains. */
  readonly chain: (kind: 'SVC' | 'SVL' | 'EXT' | 'FW') => string
  /** The name of the chain of one of its endpoints. */
  readonly endpointChain: (endpoint: Endpoint) => string
}
