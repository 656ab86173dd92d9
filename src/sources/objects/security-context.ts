import * as v from 'valibot'
import type {
  AppArmorProfile,
  ContainerSecurity,
  PodSecurity,
  SeccompProfile,
} from '../../model/pod-security.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'

const idMessage = 'must be a user or group number'
const id = v.pipe(
  v.number(),
  v.integer(idMessage),
  v.minValue(0, idMessage),
  v.maxValue(2 ** 31 - 1, idMessage),
)

const profile = v.nullish(
  v.pipe(
    v.object({
      type: v.picklist(['RuntimeDefault', 'Unconfined', 'Localhost']),
      localhostProfile: v.nullish(v.string(), ''),
    }),
    v.check(
      ({ type, localhostProfile }) => (type === 'Localhost') === (localhostProfile !== ''),
      'must have a localhostProfile with type Localhost, and with no other',
    ),
  ),
)

const seccompFile = /^(?!\/)(?!(.*\/)?\.\.(\/|$))/

/** What a pod can say for all its containers. */
const shared = {
  runAsUser: v.nullish(id),
  runAsGroup: v.nullish(id),
  runAsNonRoot: v.nullish(v.boolean()),
  seccompProfile: profile,
  appArmorProfile: profile,
}

/** core/v1 PodSecurityContext. */
export const podSecurityContext = v.nullish(
  v.object({
    ...shared,
    supplementalGroups: v.nullish(v.array(id), []),
    fsGroup: v.nullish(id),
    // Has no meaning for volumes that the node makes for the pod, and there are no others here.
    fsGroupChangePolicy: v.nullish(v.picklist(['Always', 'OnRootMismatch'])),
    sysctls: v.nullish(v.array(v.object({ name: v.string(), value: v.string() })), []),
  }),
  {},
)

const names = v.nullish(v.array(v.string()), [])

/** core/v1 SecurityContext. */
export const securityContext = v.nullish(
  v.object({
    ...shared,
    privileged: v.nullish(v.boolean(), false),
    allowPrivilegeEscalation: v.nullish(v.boolean(), true),
    readOnlyRootFilesystem: v.nullish(v.boolean(), false),
    capabilities: v.nullish(v.object({ add: names, drop: names }), {}),
    procMount: v.nullish(v.picklist(['Default', 'Unmasked']), 'Default'),
  }),
  {},
)

export type WrittenPodSecurity = v.InferOutput<typeof podSecurityContext>
type WrittenSecurity = v.InferOutput<typeof securityContext>
type WrittenProfile = NonNullable<WrittenSecurity['seccompProfile']>

/**
 * Kernel parameters that are a pod's own: they reach neither the node nor its other pods, and cost the node nothing
 * (the API's own list of safe sysctls).
 */
const SAFE_SYSCTLS: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
])

export function toPodSecurity(
  written: WrittenPodSecurity,
  path: ObjectPath,
  findings: Findings,
): PodSecurity {
  // A slash between the parts means the same as a dot (sysctl.d(5)).
  const sysctls = written.sysctls.map(({ name, value }) => [name.replaceAll('/', '.'), value] as const)
  sysctls.forEach(([name], index) => {
    if (!SAFE_SYSCTLS.has(name))
      findings.unsupported(
        [...path, 'sysctls', index, 'name'],
        `is no sysctl that this node lets pods set: ${name}`,
      )
  })
  return {
    runAsUser: written.runAsUser ?? undefined,
    runAsGroup: written.runAsGroup ?? undefined,
    supplementalGroups: written.supplementalGroups,
    fsGroup: written.fsGroup ?? undefined,
    sysctls: new Map(sysctls),
  }
}

/** A container's own word holds over its pod's. */
export function toContainerSecurity(
  written: WrittenSecurity,
  pod: WrittenPodSecurity,
  path: ObjectPath,
  findings: Findings,
): ContainerSecurity {
  const seccomp = written.seccompProfile ?? pod.seccompProfile
  if (seccomp && !seccompFile.test(seccomp.localhostProfile))
    findings.error([...path, 'seccompProfile', 'localhostProfile'], 'must be a relative path without ..')
  if (!written.allowPrivilegeEscalation && (written.privileged || addsSysAdmin(written)))
    findings.error(
      [...path, 'allowPrivilegeEscalation'],
      'cannot be false where the container is privileged or adds CAP_SYS_ADMIN',
    )
  return {
    runAsUser: written.runAsUser ?? pod.runAsUser ?? undefined,
    runAsGroup: written.runAsGroup ?? pod.runAsGroup ?? undefined,
    runAsNonRoot: written.runAsNonRoot ?? pod.runAsNonRoot ?? false,
    privileged: written.privileged,
    allowPrivilegeEscalation: written.allowPrivilegeEscalation,
    readOnlyRootFilesystem: written.readOnlyRootFilesystem,
    addCapabilities: written.capabilities.add,
    dropCapabilities: written.capabilities.drop,
    seccomp: toProfile(seccomp),
    appArmor: toProfile(written.appArmorProfile ?? pod.appArmorProfile),
    unmaskedProc: written.procMount === 'Unmasked',
  }
}

const addsSysAdmin = ({ capabilities }: WrittenSecurity): boolean =>
  capabilities.add.some((name) => name === 'SYS_ADMIN' || name === 'CAP_SYS_ADMIN')

function toProfile(
  written: WrittenProfile | null | undefined,
): (SeccompProfile & AppArmorProfile) | undefined {
  if (!written) return undefined
  switch (written.type) {
    case 'RuntimeDefault':
      return { kind: 'runtimeDefault' }
    case 'Unconfined':
      return { kind: 'unconfined' }
    case 'Localhost':
      return { kind: 'localhost', profile: written.localhostProfile }
  }
}
