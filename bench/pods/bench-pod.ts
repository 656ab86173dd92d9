import { randomUUID } from 'node:crypto'
import { pauseImageName } from '../../src/kubelet/images/pause-image.ts'
import type { Pod } from '../../src/model/pod.ts'
import { parsePod } from '../../src/sources/objects/pod.ts'

/** The least that a pod can be: one container that does nothing, in the pod network, on an image that is there. */
export function benchPod(name: string): Pod {
  const { value, problems } = parsePod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'bench', name, uid: randomUUID(), labels: { app: 'bench' } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'main', image: pauseImageName, imagePullPolicy: 'Never' }],
    },
  })
  if (value === undefined) throw new Error(`the pod of the benchmark is wrong: ${JSON.stringify(problems)}`)
  return value
}
