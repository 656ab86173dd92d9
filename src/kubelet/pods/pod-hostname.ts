import { splitObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'

/** What the kernel takes (`__NEW_UTS_LEN` of linux/utsname.h). */
const KERNEL_LENGTH = 64

/** The domain of a pod that has one: its name in the cluster's DNS is the host name before it. Empty: it has none. */
export function podDomain({ subdomain, name }: Pod, clusterDomain: string): string {
  return subdomain === '' ? '' : `${subdomain}.${splitObjectName(name).namespace}.svc.${clusterDomain}`
}

/** The host name of a pod's own UTS namespace. Throws when the full one that it wants is too long for the kernel. */
export function kernelHostname(pod: Pod, clusterDomain: string): string {
  const domain = podDomain(pod, clusterDomain)
  if (!pod.setHostnameAsFqdn || domain === '') return pod.hostname
  const full = `${pod.hostname}.${domain}`
  if (full.length > KERNEL_LENGTH)
    throw new Error(
      `Failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long ` +
        `(${KERNEL_LENGTH} characters is the max, ${full.length} characters requested)`,
    )
  return full
}
