import type { Route } from '../route.ts'

/** What a request does to the node, in the API's words: any of the subresources will do. */
export interface NodeAccess {
  readonly verb: string
  readonly subresources: readonly string[]
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** By the first part of the path; what is not here is `proxy` (the kubelet's own mapping, KEP-2862). */
const SUBRESOURCES: Readonly<Record<string, readonly string[]>> = {
  stats: ['stats'],
  metrics: ['metrics'],
  logs: ['log'],
  spec: ['spec'],
  checkpoint: ['checkpoint'],
  statusz: ['statusz'],
  flagz: ['configz'],
  pods: ['pods', 'proxy'],
  runningpods: ['pods', 'proxy'],
  healthz: ['healthz', 'proxy'],
  configz: ['configz', 'proxy'],
}

/** A process in a container is made, whatever HTTP calls it: WebSockets begin with a GET. */
const MAKES_SESSION: ReadonlySet<Route['kind']> = new Set(['exec', 'attach', 'portForward', 'run'])

/** What must be allowed for a request. */
export function accessOf(method: string, path: readonly string[], route: Route): NodeAccess {
  const [first = ''] = path
  return {
    verb: MAKES_SESSION.has(route.kind) ? 'create' : (VERBS[method] ?? ''),
    subresources: Object.hasOwn(SUBRESOURCES, first) ? (SUBRESOURCES[first] ?? []) : ['proxy'],
  }
}
