import { removeCgroup } from './host/cgroups.ts'
import { podCgroup } from './pods/cri-config.ts'
import type { PodVolumes } from './volumes/pod-volumes.ts'

/**
 * Removes what pods left on disk and in cgroups whose end was cut short: the runtime has forgotten them, so that nobody
 * else would. `isNeeded` is asked again right before each.
 */
export async function removeLeftovers(
  volumes: PodVolumes,
  cgroupRoot: string,
  isNeeded: (uid: string) => boolean,
): Promise<void> {
  for (const uid of await volumes.uids()) {
    if (isNeeded(uid)) continue
    await volumes.removeByUid(uid)
    await removeCgroup(podCgroup(cgroupRoot, uid))
  }
}
