import { type ObjectName, objectName } from '../../model/object-name.ts'
import type { ContainerAddress } from './pod-access.ts'

/** A connection to a container or a sandbox. */
export type SessionRoute =
  | { readonly kind: 'exec' | 'attach'; readonly at: ContainerAddress }
  | { readonly kind: 'portForward'; readonly pod: ObjectName; readonly uid: string | undefined }

/** What a path of the node's API is for. */
export type Route =
  | SessionRoute
  | { readonly kind: 'containerLogs' | 'run'; readonly at: ContainerAddress }
  | { readonly kind: 'pods' | 'runningpods' }
  /** A page that somebody else renders, by its path: `metrics/resource`. */
  | { readonly kind: 'page'; readonly path: string }

/** The parts of a path between its slashes; one at its end makes no difference. Undefined when it cannot be decoded. */
export function splitPath(pathname: string): readonly string[] | undefined {
  try {
    return pathname
      .replace(/^\/|\/$/g, '')
      .split('/')
      .map(decodeURIComponent)
  } catch {
    return undefined
  }
}

/** Any path is one; what is at none of the known ones is a page that may not be there. */
export function routeOf(path: readonly string[]): Route {
  const [first, ...rest] = path
  const route = rest.every((part) => part !== '') ? podRoute(first, rest) : undefined
  if (route !== undefined) return route
  if ((first === 'pods' || first === 'runningpods') && rest.length === 0) return { kind: first }
  return { kind: 'page', path: path.join('/') }
}

/** `/exec/NAMESPACE/POD/CONTAINER`, with the pod's UID in front of the container where that matters. */
function podRoute(first: string | undefined, rest: readonly string[]): Route | undefined {
  const [namespace = '', name = '', third, fourth] = rest
  const pod = objectName(namespace, name)
  switch (first) {
    case 'portForward':
      return rest.length === 2 || rest.length === 3 ? { kind: first, pod, uid: third } : undefined
    case 'containerLogs':
      if (rest.length !== 3 || third === undefined) return undefined
      return { kind: first, at: { pod, uid: undefined, container: third } }
    case 'exec':
    case 'attach':
    case 'run':
      if (rest.length === 3 && third !== undefined)
        return { kind: first, at: { pod, uid: undefined, container: third } }
      if (rest.length === 4 && fourth !== undefined)
        return { kind: first, at: { pod, uid: third, container: fourth } }
      return undefined
    default:
      return undefined
  }
}

export const isSession = (route: Route): route is SessionRoute =>
  route.kind === 'exec' || route.kind === 'attach' || route.kind === 'portForward'
