import { NO_LIFECYCLE } from '../../src/model/lifecycle.ts'
import { objectName } from '../../src/model/object-name.ts'
import { ANYWHERE } from '../../src/model/placement.ts'
import { type Container, type Pod, TOLD_NOTHING, type VolumeMount } from '../../src/model/pod.ts'
import { NO_PROBES } from '../../src/model/probe.ts'
import { parsePod } from '../../src/sources/objects/pod.ts'
import { TEST_IMAGE } from './containerd-images.ts'

const NO_AMOUNTS = { cpuMilli: undefined, memoryBytes: undefined }

/** A container that sleeps until it is stopped, unless told otherwise. */
export function buildContainer(changes: Partial<Container> & { name: string }): Container {
  return {
    image: TEST_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    // As process 1 a shell ignores SIGTERM unless it traps it.
    command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1000 & wait; done'],
    args: [],
    workingDir: '',
    env: [],
    envFrom: [],
    ports: [],
    volumeMounts: [],
    requests: NO_AMOUNTS,
    limits: NO_AMOUNTS,
    probes: NO_PROBES,
    security: {
      runAsUser: undefined,
      runAsGroup: undefined,
      privileged: false,
      readOnlyRootFilesystem: false,
      addCapabilities: [],
      dropCapabilities: [],
      runAsNonRoot: false,
      allowPrivilegeEscalation: true,
      seccomp: undefined,
      appArmor: undefined,
      unmaskedProc: false,
    },
    lifecycle: NO_LIFECYCLE,
    sidecar: false,
    terminationMessage: { path: '/dev/termination-log', fallsBackToLogs: false },
    terminal: { stdin: false, stdinOnce: false, tty: false },
    ...changes,
  }
}

/** A volume at a path, writable unless told otherwise. */
export const mount = (
  volume: string,
  mountPath: string,
  changes: Partial<VolumeMount> = {},
): VolumeMount => ({
  ...{ volume, mountPath, subPath: '', subPathExpr: '', readOnly: false, propagation: 'None' },
  ...changes,
})

/** A shell script as a container. */
export const script = (name: string, text: string, changes: Partial<Container> = {}): Container =>
  buildContainer({ ...changes, name, command: ['sh', '-c', text] })

/** A pod out of a manifest's spec, as a cluster's node gets it; its first container sleeps unless told otherwise. */
export function writtenPod(name: string, spec: object = {}, container: object = {}): Pod {
  const { command } = buildContainer({ name: 'main' })
  const { value, problems } = parsePod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: `uid-${name}` },
    spec: {
      terminationGracePeriodSeconds: 5,
      containers: [{ name: 'main', image: TEST_IMAGE, command, ...container }],
      ...spec,
    },
  })
  if (value === undefined) throw new Error(`pod ${name}: ${JSON.stringify(problems)}`)
  return value
}

export function buildPod(name: string, changes: Partial<Omit<Pod, 'name'>> = {}): Pod {
  return {
    name: objectName('default', name),
    uid: `uid-${name}`,
    generation: 0,
    deletion: undefined,
    labels: new Map(),
    annotations: new Map(),
    serviceAccount: 'default',
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
    shareProcessNamespace: false,
    hostname: name,
    subdomain: '',
    setHostnameAsFqdn: false,
    hostAliases: [],
    dns: { policy: 'ClusterFirst', nameservers: [], searches: [], options: [] },
    enableServiceLinks: true,
    security: {
      runAsUser: undefined,
      runAsGroup: undefined,
      supplementalGroups: [],
      fsGroup: undefined,
      sysctls: new Map(),
    },
    imagePullSecrets: [],
    activeDeadlineSeconds: undefined,
    createdAt: undefined,
    told: TOLD_NOTHING,
    placement: ANYWHERE,
    readinessGates: [],
    unsupported: [],
    ignored: [],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 5,
    initContainers: [],
    containers: [buildContainer({ name: 'main' })],
    volumes: [],
    ...changes,
  }
}
