/** A resource of one kind, and which of its objects. */
export interface Collection {
  /** `/apis/discovery.k8s.io/v1/endpointslices` */
  readonly path: string
  readonly apiVersion: string
  readonly kind: string
  /** The server leaves out what does not match. */
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

export const selectors = ({
  labelSelector,
  fieldSelector,
}: Collection): Readonly<Record<string, string>> => ({
  ...(labelSelector === undefined ? {} : { labelSelector }),
  ...(fieldSelector === undefined ? {} : { fieldSelector }),
})
