import { splitObjectName } from '../../model/object-name.ts'
import type { Container, Pod } from '../../model/pod.ts'

/** Whom an image runs as: a number, or a name; nobody in particular is root. */
export interface ImageUser {
  readonly uid: number | undefined
  readonly username: string
}

/**
 * Why a container that must not run as root may not start; undefined: it may. The image decides where the manifest names
 * no user. Words as the kubelet's.
 */
export function rootRefusal(pod: Pod, { name, security }: Container, image: ImageUser): string | undefined {
  if (!security.runAsNonRoot) return undefined
  const { namespace, name: podName } = splitObjectName(pod.name)
  const where = `(pod: "${podName}_${namespace}(${pod.uid})", container: ${name})`
  if (security.runAsUser !== undefined)
    return security.runAsUser === 0 ? `container's runAsUser breaks non-root policy ${where}` : undefined
  if ((image.uid ?? 0) !== 0) return undefined
  if (image.uid === undefined && image.username !== '')
    return `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`
  return `container has runAsNonRoot and image will run as root ${where}`
}
