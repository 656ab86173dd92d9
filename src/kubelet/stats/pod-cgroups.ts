import { podCgroup } from '../pods/cri-config.ts'

/** Where a pod's cgroups are, absolute within each hierarchy. */
export interface PodCgroups {
  readonly pod: string
  readonly container: (id: string) => string
}

/** Quality of service classes that upstream's kubelet has a level of cgroups for. */
const CLASSES = ['burstable', 'besteffort']

/**
 * Where the cgroups of a pod may be, likeliest first: our own, then those that upstream's kubelet makes with either of its
 * cgroup drivers, whose pods are gone on with.
 */
export function candidateCgroups(cgroupRoot: string, uid: string): readonly PodCgroups[] {
  const underscored = uid.replaceAll('-', '_')
  return [
    byId(podCgroup(cgroupRoot, uid)),
    byId(`/kubepods/pod${uid}`),
    ...CLASSES.map((qos) => byId(`/kubepods/${qos}/pod${uid}`)),
    byScope(`/kubepods.slice/kubepods-pod${underscored}.slice`),
    ...CLASSES.map((qos) =>
      byScope(`/kubepods.slice/kubepods-${qos}.slice/kubepods-${qos}-pod${underscored}.slice`),
    ),
  ]
}

const byId = (pod: string): PodCgroups => ({ pod, container: (id) => `${pod}/${id}` })

/** As containerd has systemd name them. */
const byScope = (pod: string): PodCgroups => ({
  pod,
  container: (id) => `${pod}/cri-containerd-${id}.scope`,
})
