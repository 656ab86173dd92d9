import { Counter, Histogram } from 'prom-client'
import type { Registry } from '../../metrics/registry.ts'
import { type ObjectName, splitObjectName } from '../../model/object-name.ts'
import type { ProbeKind } from '../../model/probe.ts'

const LABELS = ['probe_type', 'result', 'container', 'pod', 'namespace', 'pod_uid'] as const
type Labels = Record<(typeof LABELS)[number], string>
const DURATION_LABELS = ['probe_type', 'container', 'pod', 'namespace'] as const

/** Answers to probes, under the kubelet's own name; a pod's series go with the pod. */
export class ProbeMetrics {
  readonly #total: Counter<(typeof LABELS)[number]>
  readonly #duration: Histogram<(typeof DURATION_LABELS)[number]>
  /** Series by UID of the pod, then by what tells them apart within it. */
  readonly #series = new Map<string, Map<string, Labels>>()

  constructor(registry: Registry) {
    this.#total = new Counter({
      name: 'prober_probe_total',
      help: 'Probes of containers, by what they found.',
      labelNames: LABELS,
      registers: [registry],
    })
    this.#duration = new Histogram({
      name: 'prober_probe_duration_seconds',
      help: 'How long probes of containers took to be answered.',
      labelNames: DURATION_LABELS,
      registers: [registry],
    })
  }

  count(
    pod: { readonly name: ObjectName; readonly uid: string },
    container: string,
    kind: ProbeKind,
    { passed, seconds }: { readonly passed: boolean; readonly seconds: number },
  ): void {
    const result = passed ? 'successful' : 'failed'
    const series = this.#series.get(pod.uid) ?? new Map<string, Labels>()
    this.#series.set(pod.uid, series)
    const key = `${container}/${kind}/${result}`
    const labels = series.get(key) ?? labelsOf(pod, container, kind, result)
    series.set(key, labels)
    this.#total.inc(labels)
    this.#duration.observe(durationLabels(labels), seconds)
  }

  forget(uid: string): void {
    for (const labels of this.#series.get(uid)?.values() ?? []) {
      this.#total.remove(labels)
      this.#duration.remove(durationLabels(labels))
    }
    this.#series.delete(uid)
  }
}

const durationLabels = ({ probe_type, container, pod, namespace }: Labels) => ({
  probe_type,
  container,
  pod,
  namespace,
})

function labelsOf(
  { name: fullName, uid }: { readonly name: ObjectName; readonly uid: string },
  container: string,
  kind: ProbeKind,
  result: string,
): Labels {
  const { namespace, name } = splitObjectName(fullName)
  const type = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`
  return { probe_type: type, result, container, pod: name, namespace, pod_uid: uid }
}
