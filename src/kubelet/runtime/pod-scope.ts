import type { Container, PodSandbox } from '../../gen/runtime.ts'
import type { LabelSelector } from './cri-client.ts'
import { LABEL } from './labels.ts'
import type { SandboxRecord } from './records.ts'

/** Which of a runtime's pods are a kubelet's own. What is not is never listed, let alone touched. */
export type PodScope =
  /** Those with its mark: several may share a runtime and none sees what is the others'. */
  | { readonly kind: 'marked'; readonly owner: string }
  /**
   * Those that any kubelet made, this one or upstream's: a cluster's node has one kubelet at a time, and its pods are the
   * node's. What crictl, docker or a marked kubelet runs beside them is none of these.
   */
  | { readonly kind: 'node' }

/** What the runtime can pick out itself. */
export const selectorOf = (scope: PodScope): LabelSelector =>
  scope.kind === 'marked' ? { [LABEL.owner]: scope.owner } : {}

/** Labels of everything that is made in this scope, beside Kubernetes' own. */
export const scopeLabels = (scope: PodScope): Readonly<Record<string, string>> =>
  scope.kind === 'marked' ? { [LABEL.owner]: scope.owner } : {}

/** Of those that {@link selectorOf} picks out. */
export function isSandboxInScope(scope: PodScope, { labels, metadata }: PodSandbox): boolean {
  if (scope.kind === 'marked') return true
  // Every kubelet says a pod's identity twice. `crictl runp` says it as metadata only, with whatever labels it is given.
  return (
    metadata !== undefined &&
    metadata.uid !== '' &&
    labels[LABEL.podUid] === metadata.uid &&
    labels[LABEL.podName] === metadata.name &&
    labels[LABEL.podNamespace] === metadata.namespace &&
    labels[LABEL.owner] === undefined
  )
}

/** Of those whose sandbox is in scope. */
export function isContainerInScope(scope: PodScope, { labels, metadata }: Container): boolean {
  if (scope.kind === 'marked') return true
  return labels[LABEL.containerName] !== undefined && labels[LABEL.containerName] === metadata?.name
}

/** What tells a pod of this node, left behind, from one of another kubelet on this machine. */
export interface OrphanEvidence {
  /** Its folder is among those of this kubelet: every kubelet makes it before the sandbox and removes it after. */
  readonly hasFolder: boolean
  /** The kubelet is told of static pods too, so that it knows when one of them is wanted no more. */
  readonly knowsStaticPods: boolean
}

/**
 * Whether a pod in scope that no source wants is to be ended. On a node it takes evidence: whoever starts this beside a
 * kubelet of another cluster, or under a wrong name, is told by the API server that no pod belongs here, and must lose
 * none. A kubelet is succeeded by giving its `--root-dir`.
 */
export const isOursToEnd = (
  scope: PodScope,
  { isStatic }: SandboxRecord,
  evidence: OrphanEvidence,
): boolean => scope.kind === 'marked' || (evidence.hasFolder && (!isStatic || evidence.knowsStaticPods))
