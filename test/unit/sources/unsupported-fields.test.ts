import { describe, expect, test } from 'vitest'
import { formatPath } from '../../../src/sources/objects/object-path.ts'
import { parsePod } from '../../../src/sources/objects/pod.ts'

const written = (spec: object = {}, container: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'main', image: 'localhost/web:1', ...container }], ...spec },
})
const withInit = (container: object) =>
  written({ initContainers: [{ name: 'init', image: 'localhost/web:1', ...container }] })
const withMount = (mount: object) =>
  written({ volumes: [{ name: 'v' }] }, { volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }] })
const withVolume = (volume: object) => written({ volumes: [{ name: 'v', ...volume }] })

const problemsOf = (object: unknown) =>
  parsePod(object).problems.map(({ severity, path }) => `${severity} ${formatPath(path)}`)

describe('the pod runs without', () => {
  test.each([
    [written({ ephemeralContainers: [{ name: 'debug' }] }), 'spec.ephemeralContainers'],
    [written({ resources: { limits: { cpu: 1 } } }), 'spec.resources'],
    [
      written({ securityContext: { seLinuxOptions: { level: 's0' } } }),
      'spec.securityContext.seLinuxOptions',
    ],
    [
      written({ securityContext: { seLinuxChangePolicy: 'Recursive' } }),
      'spec.securityContext.seLinuxChangePolicy',
    ],
    [
      written({ securityContext: { windowsOptions: { hostProcess: true } } }),
      'spec.securityContext.windowsOptions',
    ],
    [written({}, { restartPolicy: 'Never' }), 'spec.containers[0].restartPolicy'],
    [written({}, { restartPolicyRules: [{ action: 'Restart' }] }), 'spec.containers[0].restartPolicyRules'],
    [
      written({}, { securityContext: { seLinuxOptions: { level: 's0' } } }),
      'spec.containers[0].securityContext.seLinuxOptions',
    ],
    [withInit({ restartPolicy: 'OnFailure' }), 'spec.initContainers[0].restartPolicy'],
    [withInit({ restartPolicyRules: [{}] }), 'spec.initContainers[0].restartPolicyRules'],
    [withVolume({ emptyDir: { sizeLimit: '1Gi' } }), 'spec.volumes[0].emptyDir.sizeLimit'],
    [
      written({}, { resources: { limits: { 'ephemeral-storage': '1Gi' } } }),
      'spec.containers[0].resources.limits["ephemeral-storage"]',
    ],
    [written({ hostNetwrk: true }), 'spec.hostNetwrk'],
  ])('%#: a warning names the field', (object, path) => {
    expect(problemsOf(object)).toEqual([`warning ${path}`])
    const { value } = parsePod(object)
    expect(value).toMatchObject({ unsupported: [], ignored: [expect.stringContaining(`${path} `)] })
  })
})

describe('the pod waits, and says so, for', () => {
  test.each([
    [written({ runtimeClassName: 'gvisor' }), 'spec.runtimeClassName'],
    [written({ hostUsers: false }), 'spec.hostUsers'],
    [written({ hostnameOverride: 'elsewhere.example' }), 'spec.hostnameOverride'],
    [written({ os: { name: 'windows' } }), 'spec.os'],
    [written({ resourceClaims: [{ name: 'gpu' }] }), 'spec.resourceClaims'],
    [
      written({ securityContext: { supplementalGroupsPolicy: 'Strict' } }),
      'spec.securityContext.supplementalGroupsPolicy',
    ],
    [
      written({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
      'spec.securityContext.sysctls[0].name',
    ],
    [written({}, { volumeDevices: [{ name: 'v' }] }), 'spec.containers[0].volumeDevices'],
    [written({}, { resources: { claims: [{ name: 'gpu' }] } }), 'spec.containers[0].resources.claims'],
    [
      written({}, { env: [{ name: 'A', valueFrom: { fileKeyRef: { path: 'p' } } }] }),
      'spec.containers[0].env[0].valueFrom.fileKeyRef',
    ],
    [withMount({ recursiveReadOnly: 'Enabled' }), 'spec.containers[0].volumeMounts[0].recursiveReadOnly'],
    [withVolume({ nfs: { server: 's', path: '/' } }), 'spec.volumes[0].nfs'],
    [withVolume({ persistentVolumeClaim: { claimName: 'c' } }), 'spec.volumes[0].persistentVolumeClaim'],
    [withVolume({ ephemeral: {} }), 'spec.volumes[0].ephemeral'],
    [withVolume({ csi: { driver: 'd' } }), 'spec.volumes[0].csi'],
    [withVolume({ image: { reference: 'r' } }), 'spec.volumes[0].image'],
    [
      withVolume({ projected: { sources: [{ clusterTrustBundle: { path: 'p' } }] } }),
      'spec.volumes[0].projected.sources[0].clusterTrustBundle',
    ],
    [
      withVolume({ projected: { sources: [{ podCertificate: { signerName: 's' } }] } }),
      'spec.volumes[0].projected.sources[0].podCertificate',
    ],
    [withVolume({ emptyDir: { medium: 'HugePages' } }), 'spec.volumes[0].emptyDir.medium'],
  ])('%#: its own words name the field', (object, path) => {
    expect(problemsOf(object)).toEqual([`unsupported ${path}`])
    const { value } = parsePod(object)
    expect(value).toMatchObject({ unsupported: [expect.stringContaining(`${path} `)], ignored: [] })
  })
})

test.each([
  [written({ hostUsers: true, os: { name: 'linux' }, overhead: { cpu: '1m' }, schedulingGates: [] })],
  [
    written({
      securityContext: { supplementalGroupsPolicy: 'Merge', fsGroupChangePolicy: 'OnRootMismatch' },
    }),
  ],
  [written({}, { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }] })],
  [withMount({ readOnly: true, recursiveReadOnly: 'IfPossible' })],
  [withMount({ recursiveReadOnly: 'Disabled' })],
])('%#: what asks for nothing is nobody’s problem', (object) => {
  expect(parsePod(object)).toMatchObject({ problems: [], value: { unsupported: [] } })
})
