/** How a container is asked (core/v1 `ProbeHandler`). Ports are numbers: names were looked up at the door. */
export type ProbeAction =
  | { readonly kind: 'exec'; readonly command: readonly string[] }
  | {
      readonly kind: 'httpGet'
      readonly scheme: 'http' | 'https'
      /** Undefined: the pod's address. */
      readonly host: string | undefined
      readonly port: number
      /** With its query, `/` at least. */
      readonly path: string
      readonly headers: readonly { readonly name: string; readonly value: string }[]
    }
  | { readonly kind: 'tcpSocket'; readonly host: string | undefined; readonly port: number }
  | { readonly kind: 'grpc'; readonly port: number; readonly service: string }

/** A question that is asked again and again (core/v1 `Probe`). */
export interface Probe {
  readonly action: ProbeAction
  readonly initialDelaySeconds: number
  readonly periodSeconds: number
  readonly timeoutSeconds: number
  /** Answers of one kind in a row that change the verdict. */
  readonly successThreshold: number
  readonly failureThreshold: number
  /** Grace of a container that is ended for it; undefined: the pod's. */
  readonly terminationGracePeriodSeconds: number | undefined
}

/** The probes of one container; the others hold back until `startup` has passed once. */
export interface ContainerProbes {
  readonly startup: Probe | undefined
  /** A failure ends the container; its pod's restart policy says what comes then. */
  readonly liveness: Probe | undefined
  /** A failure keeps the pod out of its Services. */
  readonly readiness: Probe | undefined
}

export type ProbeKind = keyof ContainerProbes

export const NO_PROBES: ContainerProbes = { startup: undefined, liveness: undefined, readiness: undefined }
