import { describe, expect, test } from 'vitest'
import { formatPath } from '../../../src/sources/objects/object-path.ts'
import { podSpec } from '../../../src/sources/objects/pod-spec.ts'
import { unreadFields } from '../../../src/sources/objects/unread-fields.ts'
import { withoutJudged } from '../../../src/sources/objects/unsupported-fields.ts'

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

/** The fields of k8s.io/api core/v1 0.36, by type. */
const FIELDS = {
  PodSpec:
    words(`volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds
    activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName serviceAccount automountServiceAccountToken nodeName
    hostNetwork hostPID hostIPC shareProcessNamespace securityContext imagePullSecrets hostname subdomain affinity
    schedulerName tolerations hostAliases priorityClassName priority dnsConfig readinessGates runtimeClassName
    enableServiceLinks preemptionPolicy overhead topologySpreadConstraints setHostnameAsFQDN os hostUsers schedulingGates
    resourceClaims resources hostnameOverride schedulingGroup`),
  PodSecurityContext:
    words(`seLinuxOptions windowsOptions runAsUser runAsGroup runAsNonRoot supplementalGroups
    supplementalGroupsPolicy fsGroup sysctls fsGroupChangePolicy seccompProfile appArmorProfile seLinuxChangePolicy`),
  Container: words(`name image command args workingDir ports envFrom env resources resizePolicy restartPolicy
    restartPolicyRules volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle
    terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty`),
  ContainerPort: words('name hostPort containerPort protocol hostIP'),
  EnvVar: words('name value valueFrom'),
  EnvVarSource: words('fieldRef resourceFieldRef configMapKeyRef secretKeyRef fileKeyRef'),
  EnvFromSource: words('prefix configMapRef secretRef'),
  Lifecycle: words('postStart preStop stopSignal'),
  LifecycleHandler: words('exec httpGet tcpSocket sleep'),
  Probe: words(`exec httpGet tcpSocket grpc initialDelaySeconds timeoutSeconds periodSeconds successThreshold
    failureThreshold terminationGracePeriodSeconds`),
  ResourceRequirements: words('limits requests claims'),
  SecurityContext:
    words(`capabilities privileged seLinuxOptions windowsOptions runAsUser runAsGroup runAsNonRoot
    readOnlyRootFilesystem allowPrivilegeEscalation procMount seccompProfile appArmorProfile`),
  VolumeMount: words('name readOnly recursiveReadOnly mountPath subPath mountPropagation subPathExpr'),
  PodDNSConfig: words('nameservers searches options'),
}

/** Where in a PodSpec an object of each type is. */
const inContainer = (list: string, inside: (value: object) => object) => (value: object) => ({
  [list]: [inside(value)],
})
const ofContainers = (inside: (value: object) => object): readonly ((value: object) => object)[] =>
  ['initContainers', 'containers'].map((list) => inContainer(list, inside))

const PLACES: Readonly<Record<keyof typeof FIELDS, readonly ((value: object) => object)[]>> = {
  PodSpec: [(value) => value],
  PodSecurityContext: [(securityContext) => ({ securityContext })],
  Container: ofContainers((value) => value),
  ContainerPort: ofContainers((port) => ({ ports: [port] })),
  EnvVar: ofContainers((variable) => ({ env: [variable] })),
  EnvVarSource: ofContainers((valueFrom) => ({ env: [{ valueFrom }] })),
  EnvFromSource: ofContainers((source) => ({ envFrom: [source] })),
  Lifecycle: ofContainers((lifecycle) => ({ lifecycle })),
  LifecycleHandler: ['postStart', 'preStop'].flatMap((hook) =>
    ofContainers((handler) => ({ lifecycle: { [hook]: handler } })),
  ),
  Probe: ['startupProbe', 'livenessProbe', 'readinessProbe'].flatMap((name) =>
    ofContainers((probe) => ({ [name]: probe })),
  ),
  ResourceRequirements: ofContainers((resources) => ({ resources })),
  SecurityContext: ofContainers((securityContext) => ({ securityContext })),
  VolumeMount: ofContainers((mount) => ({ volumeMounts: [mount] })),
  PodDNSConfig: [(dnsConfig) => ({ dnsConfig })],
}

const unspokenOf = (spec: object): readonly string[] =>
  withoutJudged(unreadFields(podSpec, spec), []).map(({ path }) => formatPath(path))

describe('every field of Kubernetes is read, or its verdict is written down:', () => {
  const cases = Object.entries(PLACES).map(([type, places]) => ({ type, places }))
  test.each(cases)('$type', ({ type, places }) => {
    const fields = Object.entries(FIELDS).find(([name]) => name === type)?.[1] ?? []
    const written = Object.fromEntries(fields.map((field) => [field, 'something']))
    expect(places.flatMap((place) => unspokenOf(place(written)))).toEqual([])
  })
})

test('a field that Kubernetes does not have is spoken of', () => {
  expect(unspokenOf({ colour: 'red', containers: [{ colour: 'red' }] })).toEqual([
    'colour',
    'containers[0].colour',
  ])
})
