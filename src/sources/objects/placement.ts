import * as v from 'valibot'
import type { Placement } from '../../model/placement.ts'
import { toMap } from './metadata.ts'

const requirements = v.nullish(
  v.array(
    v.object({
      key: v.string(),
      operator: v.picklist(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']),
      values: v.nullish(v.array(v.string()), []),
    }),
  ),
  [],
)

const term = v.object({ matchExpressions: requirements, matchFields: requirements })

/** Where a pod may run. What it only prefers, and what it wants of its neighbours, the scheduler alone looks at. */
export const placementFields = {
  nodeSelector: v.nullish(v.record(v.string(), v.string()), {}),
  affinity: v.nullish(
    v.looseObject({
      nodeAffinity: v.nullish(
        v.looseObject({
          requiredDuringSchedulingIgnoredDuringExecution: v.nullish(
            v.object({ nodeSelectorTerms: v.nullish(v.array(term), []) }),
          ),
        }),
      ),
    }),
  ),
}

const written = v.object(placementFields)

export function toPlacement({ nodeSelector, affinity }: v.InferOutput<typeof written>): Placement {
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return {
    nodeSelector: toMap(nodeSelector),
    terms: required?.nodeSelectorTerms.map(({ matchExpressions, matchFields }) => ({
      labels: matchExpressions,
      fields: matchFields,
    })),
  }
}
