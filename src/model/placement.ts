/** core/v1 NodeSelectorRequirement. */
export interface NodeRequirement {
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt'
  readonly values: readonly string[]
}

/** core/v1 NodeSelectorTerm: all of it has to hold. */
export interface NodeSelectorTerm {
  readonly labels: readonly NodeRequirement[]
  /** Of the Node's fields there is one that can be asked for, `metadata.name`. */
  readonly fields: readonly NodeRequirement[]
}

/** Which nodes a pod may run on. The scheduler knows; who binds a pod by hand may not. */
export interface Placement {
  readonly nodeSelector: ReadonlyMap<string, string>
  /** One of them has to hold; undefined: none is asked for. */
  readonly terms: readonly NodeSelectorTerm[] | undefined
}

export const ANYWHERE: Placement = { nodeSelector: new Map(), terms: undefined }
