import * as v from 'valibot'
import type { ResourceAmounts } from '../../model/pod.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'
import { parseQuantity, toBytes, toMilli } from './quantity.ts'

const quantityMessage = 'must be a quantity such as 250m or 64Mi'

/** A quantity is text or a plain number in YAML. */
export const quantity = v.pipe(
  v.union([v.string(), v.number()], quantityMessage),
  v.rawTransform<string | number, number>(({ dataset, addIssue, NEVER }) => {
    const value = parseQuantity(String(dataset.value))
    if (value !== undefined) return value
    addIssue({ message: quantityMessage })
    return NEVER
  }),
)

const KNOWN = new Set(['cpu', 'memory', 'ephemeral-storage'])

const amounts = v.nullish(v.record(v.string(), quantity), {})

/** core/v1 ResourceRequirements. */
export const resources = v.nullish(v.object({ requests: amounts, limits: amounts }), {})

type Written = v.InferOutput<typeof resources>

/** A request that is not written is its limit (API server default). */
export function toResources(
  written: Written,
  path: ObjectPath,
  findings: Findings,
): { requests: ResourceAmounts; limits: ResourceAmounts } {
  const limits = toAmounts(written.limits, [...path, 'limits'], findings)
  const asked = toAmounts(written.requests, [...path, 'requests'], findings)
  const requests = {
    cpuMilli: asked.cpuMilli ?? limits.cpuMilli,
    memoryBytes: asked.memoryBytes ?? limits.memoryBytes,
    ephemeralStorageBytes: asked.ephemeralStorageBytes ?? limits.ephemeralStorageBytes,
  }
  if ((requests.cpuMilli ?? 0) > (limits.cpuMilli ?? Number.POSITIVE_INFINITY))
    findings.error([...path, 'requests', 'cpu'], 'is more than the limit')
  if ((requests.memoryBytes ?? 0) > (limits.memoryBytes ?? Number.POSITIVE_INFINITY))
    findings.error([...path, 'requests', 'memory'], 'is more than the limit')
  if ((requests.ephemeralStorageBytes ?? 0) > (limits.ephemeralStorageBytes ?? Number.POSITIVE_INFINITY))
    findings.error([...path, 'requests', 'ephemeral-storage'], 'is more than the limit')
  return { requests, limits }
}

function toAmounts(
  written: Readonly<Record<string, number>>,
  path: ObjectPath,
  findings: Findings,
): ResourceAmounts {
  for (const name of Object.keys(written)) {
    if (!KNOWN.has(name) && written[name] !== 0)
      findings.unsupported([...path, name], 'is a resource that this node has none of')
  }
  if (written['ephemeral-storage'] !== undefined && path.at(-1) === 'limits')
    findings.warning([...path, 'ephemeral-storage'], 'is not enforced by this node')
  const { cpu, memory, 'ephemeral-storage': storage } = written
  return {
    cpuMilli: cpu === undefined ? undefined : toMilli(cpu),
    memoryBytes: memory === undefined ? undefined : toBytes(memory),
    ephemeralStorageBytes: storage === undefined ? undefined : toBytes(storage),
  }
}
