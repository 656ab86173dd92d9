import type { Container } from '../../model/pod.ts'
import type { Probe, ProbeKind } from '../../model/probe.ts'
import type { PodState } from '../pods/pod-state.ts'
import type { ContainerRecord } from '../runtime/records.ts'
import { hasStarted, type ProbeVerdicts, UNDECIDED } from './verdicts.ts'

/** One question that is to be asked again and again while a container runs. */
export interface ProbeTarget {
  readonly containerId: string
  readonly container: string
  readonly kind: ProbeKind
  readonly probe: Probe
  /** Where the pod is reached; undefined: as the node itself. */
  readonly address: string | undefined
  /** ms since the epoch. */
  readonly startedAt: number
  /** What the answers so far amount to; undefined: there were not enough. */
  readonly passed: boolean | undefined
}

/** What is to be asked of a pod as it is now. Pure. */
export function probeTargets({
  pod,
  records,
  probes,
  terminating,
  runtimeAway,
}: PodState): readonly ProbeTarget[] {
  const sandbox = records.sandboxes.find(({ ready }) => ready)
  if (pod === undefined || terminating !== undefined || runtimeAway || sandbox === undefined) return []
  const address = pod.hostNetwork ? undefined : sandbox.ips[0]
  const sidecars = pod.initContainers.filter(({ sidecar }) => sidecar)
  return [...sidecars, ...pod.containers].flatMap((container) => {
    const record = records.containers.find(({ name }) => name === container.name)
    return record?.state === 'running'
      ? targetsOf(container, record, probes.get(record.id) ?? UNDECIDED, address)
      : []
  })
}

function targetsOf(
  container: Container,
  { id, startedAt }: ContainerRecord,
  verdicts: ProbeVerdicts,
  address: string | undefined,
): ProbeTarget[] {
  const kinds: readonly ProbeKind[] = hasStarted(container, verdicts)
    ? ['liveness', 'readiness']
    : ['startup']
  return kinds.flatMap((kind) => {
    const probe = container.probes[kind]
    const passed = verdicts[kind]?.passed
    return probe === undefined
      ? []
      : [{ containerId: id, container: container.name, kind, probe, address, startedAt, passed }]
  })
}
