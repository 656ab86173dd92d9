import type { NodeRequirement, NodeSelectorTerm, Placement } from '../../model/placement.ts'

export interface MatchedNode {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
}

/** Whether a pod may run on a node (core/v1 PodSpec.nodeSelector, and what NodeAffinity requires). */
export function matchesNode({ nodeSelector, terms }: Placement, node: MatchedNode): boolean {
  for (const [key, value] of nodeSelector) if (node.labels.get(key) !== value) return false
  return terms === undefined || terms.some((term) => holds(term, node))
}

/** A term without any requirement matches no node. */
function holds({ labels, fields }: NodeSelectorTerm, node: MatchedNode): boolean {
  if (labels.length + fields.length === 0) return false
  const ofNode = new Map([['metadata.name', node.name]])
  return (
    labels.every((it) => isMet(it, node.labels.get(it.key))) &&
    fields.every((it) => isMet(it, ofNode.get(it.key)))
  )
}

function isMet({ operator, values }: NodeRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return compare(value, values[0], (a, b) => a > b)
    case 'Lt':
      return compare(value, values[0], (a, b) => a < b)
  }
}

const INTEGER = /^[+-]?\d+$/

/** Of whole numbers alone. */
const compare = (
  left: string | undefined,
  right: string | undefined,
  holds: (a: bigint, b: bigint) => boolean,
): boolean =>
  left !== undefined &&
  right !== undefined &&
  INTEGER.test(left) &&
  INTEGER.test(right) &&
  holds(BigInt(left), BigInt(right))
