import type { PulledImage } from '../images/image-store.ts'
import type { Failure } from '../pods/pod-state.ts'
import { goDuration } from './go-duration.ts'
import { type Happening, normal, warning } from './pod-event-report.ts'

/** What is said of an image that is there. `pull` says how it came; undefined: it was there already. */
export function imagePresent(image: string, pull: PulledImage | undefined): Happening {
  if (pull === undefined)
    return normal(
      'Pulled',
      `Container image "${image}" already present on machine and can be accessed by the pod`,
    )
  const [pulled, waited] = [goDuration(pull.pullMs), goDuration(pull.waitedMs)]
  return normal(
    'Pulled',
    `Successfully pulled image "${image}" in ${pulled} (${waited} including waiting). Image size: ${pull.sizeBytes} bytes.`,
  )
}

export const imagePulling = (image: string): Happening => normal('Pulling', `Pulling image "${image}"`)

/**
 * What is said of an image that is not there: what went wrong, and what it means for the container. `detail` is the
 * runtime's word of a pull that was made just now; undefined: none was.
 */
export function imageFailed(
  image: string,
  { reason, message }: Failure,
  detail: string | undefined,
): readonly Happening[] {
  const consequence = warning('Failed', `Error: ${reason}`)
  const pull = detail === undefined ? [] : [warning('Failed', `Failed to pull image "${image}": ${detail}`)]
  switch (reason) {
    case 'ErrImageNeverPull':
      return [warning('ErrImageNeverPull', message), consequence]
    case 'ImageInspectError':
    case 'InvalidImageName':
      return [warning('InspectFailed', message), consequence]
    case 'ImagePullBackOff':
      return [...pull, normal('BackOff', `Back-off pulling image "${image}"`), consequence]
    default:
      return [...pull, consequence]
  }
}
