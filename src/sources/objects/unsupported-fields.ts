import type { ObjectPath } from './object-path.ts'
import type { Findings, ObjectProblem } from './parsed.ts'
import { isRecord, isZero } from './unread-fields.ts'

/** What becomes of a pod with a field that this node does nothing with. */
interface Verdict {
  /** `runs`: without it. `waits`: to run without it would be wrong, so that the pod is not started. */
  readonly pod: 'runs' | 'waits'
  /** What the field means here, to be read behind its path. */
  readonly reason: string
  /** Whether such a value asks for anything at all. */
  readonly asks: (value: unknown) => boolean
}

type Verdicts = Readonly<Record<string, Verdict>>

const written = (value: unknown): boolean => !isZero(value)
const never = (): boolean => false
const is =
  (wanted: unknown) =>
  (value: unknown): boolean =>
    value === wanted

const runs = (reason: string, asks = written): Verdict => ({ pod: 'runs', reason, asks })
const waits = (reason: string, asks = written): Verdict => ({ pod: 'waits', reason, asks })

const NO_DEVICES = 'asks for devices, which this node gives to no pod'
const NO_SELINUX = 'is ignored: this node sets no SELinux labels'
const NOT_WINDOWS = 'is ignored: it is for Windows'

/** core/v1 PodSpec as of 1.36. What is in no schema and not here is no field that Kubernetes has. */
const OF_POD: Verdicts = {
  ephemeralContainers: runs('are not started by this node'),
  hostnameOverride: waits('names the pod otherwise than this node can'),
  hostUsers: waits('asks for a user namespace, which this node gives to no pod', is(false)),
  os: waits('is another system than this node', (os) => isRecord(os) && os.name !== 'linux'),
  resourceClaims: waits(NO_DEVICES),
  resources: runs('are ignored: those of the containers hold'),
  runtimeClassName: waits('asks for a runtime handler, and this node has the default one only'),
  'securityContext.seLinuxOptions': runs(NO_SELINUX),
  'securityContext.seLinuxChangePolicy': runs(NO_SELINUX),
  'securityContext.supplementalGroupsPolicy': waits(
    'asks that groups of the image are left out, which this node cannot',
    is('Strict'),
  ),
  'securityContext.windowsOptions': runs(NOT_WINDOWS),
}

/** core/v1 Container, of whatever sort. */
const OF_CONTAINER: Verdicts = {
  'lifecycle.stopSignal': runs("is ignored: the image's stop signal is sent"),
  // Never did anything (core/v1 LifecycleHandler).
  'lifecycle.postStart.tcpSocket': runs('is ignored, as everywhere'),
  'lifecycle.preStop.tcpSocket': runs('is ignored, as everywhere'),
  // The API server writes it into every container that has resources; it matters to changes of them alone.
  resizePolicy: runs('is ignored', never),
  'resources.claims': waits(NO_DEVICES),
  restartPolicyRules: runs("are ignored: the pod's restart policy holds"),
  'securityContext.seLinuxOptions': runs(NO_SELINUX),
  'securityContext.windowsOptions': runs(NOT_WINDOWS),
  volumeDevices: waits('ask for block devices, which this node gives to no pod'),
}

const OF_INIT_CONTAINER: Verdicts = {
  // Always makes a sidecar (KEP-753).
  restartPolicy: runs("is ignored: the pod's holds", (policy) => policy !== 'Always'),
}

const OF_MAIN_CONTAINER: Verdicts = {
  restartPolicy: runs("is ignored: the pod's holds"),
}

const OF_MOUNT: Verdicts = {
  // IfPossible is content with a mount that is read-only as such.
  recursiveReadOnly: waits('asks for what the mounts of this node are not', is('Enabled')),
}

interface Part {
  readonly at: ObjectPath
  readonly value: unknown
  readonly verdicts: Verdicts
}

/** A PodSpec and everything in it that has verdicts of its own. */
function partsOf(spec: unknown): readonly Part[] {
  const listed = (owner: Part, name: string, verdicts: Verdicts): readonly Part[] => {
    const list = isRecord(owner.value) ? owner.value[name] : undefined
    if (!Array.isArray(list)) return []
    return list.map((value: unknown, index) => ({ at: [...owner.at, name, index], value, verdicts }))
  }
  const pod = { at: [], value: spec, verdicts: OF_POD }
  const containers = [
    ...listed(pod, 'initContainers', { ...OF_CONTAINER, ...OF_INIT_CONTAINER }),
    ...listed(pod, 'containers', { ...OF_CONTAINER, ...OF_MAIN_CONTAINER }),
  ]
  return [pod, ...containers, ...containers.flatMap((it) => listed(it, 'volumeMounts', OF_MOUNT))]
}

/** Says of the PodSpec at `path` what this node does nothing with, and what becomes of the pod. */
export function findUnsupported(spec: unknown, path: ObjectPath, findings: Findings): void {
  for (const { at, value, verdicts } of partsOf(spec)) {
    for (const [field, { pod, reason, asks }] of Object.entries(verdicts)) {
      const steps = field.split('.')
      const found = steps.reduce<unknown>(
        (inside, step) => (isRecord(inside) ? inside[step] : undefined),
        value,
      )
      if (found === undefined || found === null || !asks(found)) continue
      if (pod === 'runs') findings.warning([...path, ...at, ...steps], reason)
      else findings.unsupported([...path, ...at, ...steps], reason)
    }
  }
}

const JUDGED: ReadonlySet<string> = new Set([
  ...Object.keys(OF_POD),
  ...['initContainers', 'containers'].flatMap((list) => [
    ...Object.keys({ ...OF_CONTAINER, ...OF_INIT_CONTAINER }).map((field) => `${list}.${field}`),
    ...Object.keys(OF_MOUNT).map((field) => `${list}.volumeMounts.${field}`),
  ]),
])

/** Without the problems about fields of the PodSpec at `path` that {@link findUnsupported} speaks of. */
export const withoutJudged = (problems: readonly ObjectProblem[], path: ObjectPath): ObjectProblem[] =>
  problems.filter(({ path: at }) => {
    if (!path.every((step, index) => at[index] === step)) return true
    const names = at.slice(path.length).filter((step) => typeof step === 'string')
    return !JUDGED.has(names.join('.'))
  })
