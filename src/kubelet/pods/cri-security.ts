import {
  type LinuxContainerSecurityContext,
  type LinuxSandboxSecurityContext,
  NamespaceMode,
  type NamespaceOption,
  SecurityProfile_ProfileType as ProfileType,
  type SecurityProfile,
} from '../../gen/runtime.ts'
import type { Container, Pod } from '../../model/pod.ts'
import type { AppArmorProfile, SeccompProfile } from '../../model/pod-security.ts'

/** What a container does not see of /proc and /sys, which tell of the whole machine (the kubelet's own list). */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
]

const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

const RUNTIME_DEFAULT: SecurityProfile = { profileType: ProfileType.RuntimeDefault, localhostRef: '' }
const UNCONFINED: SecurityProfile = { profileType: ProfileType.Unconfined, localhostRef: '' }

/** How the pause process is confined. Pure. */
export function sandboxSecurity(pod: Pod): LinuxSandboxSecurityContext {
  const { runAsUser, runAsGroup } = pod.security
  return {
    namespaceOptions: namespaces(pod),
    runAsUser: id(runAsUser),
    runAsGroup: id(runAsGroup),
    supplementalGroups: supplementalGroups(pod),
    privileged: [...pod.initContainers, ...pod.containers].some(({ security }) => security.privileged),
    // It does next to nothing, so that no pod has a reason to loosen it.
    seccomp: RUNTIME_DEFAULT,
  }
}

/** How a container is confined; `seccompDir` is the node's folder of seccomp profiles. Pure. */
export function containerSecurity(
  pod: Pod,
  { security }: Container,
  seccompDir: string,
): LinuxContainerSecurityContext {
  return {
    capabilities: {
      addCapabilities: [...security.addCapabilities],
      dropCapabilities: [...security.dropCapabilities],
    },
    privileged: security.privileged,
    namespaceOptions: namespaces(pod),
    runAsUser: id(security.runAsUser),
    runAsGroup: id(security.runAsGroup),
    readonlyRootfs: security.readOnlyRootFilesystem,
    supplementalGroups: supplementalGroups(pod),
    noNewPrivs: !security.allowPrivilegeEscalation,
    maskedPaths: security.unmaskedProc ? [] : MASKED_PATHS,
    readonlyPaths: security.unmaskedProc ? [] : READONLY_PATHS,
    seccomp: seccompProfile(security.seccomp, seccompDir),
    apparmor: security.appArmor === undefined ? undefined : appArmorProfile(security.appArmor),
  }
}

function namespaces(pod: Pod): NamespaceOption {
  const ownPid = pod.shareProcessNamespace ? NamespaceMode.POD : NamespaceMode.CONTAINER
  return {
    network: pod.hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD,
    pid: pod.hostPID ? NamespaceMode.NODE : ownPid,
    ipc: pod.hostIPC ? NamespaceMode.NODE : NamespaceMode.POD,
  }
}

/** The group that owns the pod's volumes is one of every process. */
const supplementalGroups = ({ security: { fsGroup, supplementalGroups } }: Pod): bigint[] =>
  [...(fsGroup === undefined ? [] : [fsGroup]), ...supplementalGroups].map(BigInt)

/** Without one a container is unconfined (the kubelet's `seccompDefault: false`). */
function seccompProfile(profile: SeccompProfile | undefined, seccompDir: string): SecurityProfile {
  if (profile === undefined || profile.kind === 'unconfined') return UNCONFINED
  if (profile.kind === 'runtimeDefault') return RUNTIME_DEFAULT
  return { profileType: ProfileType.Localhost, localhostRef: `${seccompDir}/${profile.profile}` }
}

function appArmorProfile(profile: AppArmorProfile): SecurityProfile {
  if (profile.kind === 'localhost')
    return { profileType: ProfileType.Localhost, localhostRef: profile.profile }
  return profile.kind === 'unconfined' ? UNCONFINED : RUNTIME_DEFAULT
}

const id = (number: number | undefined) => (number === undefined ? undefined : { value: BigInt(number) })
