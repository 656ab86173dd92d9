import { randomUUID } from 'node:crypto'
import { pauseImageName } from '../../src/kubelet/images/pause-image.ts'
import { objectName } from '../../src/model/object-name.ts'
import type { Pod } from '../../src/model/pod.ts'
import { NO_PROBES } from '../../src/model/probe.ts'

/** The least that a pod can be: one container that does nothing, in the pod network, on an image that is there. */
export function benchPod(name: string): Pod {
  return {
    name: objectName('bench', name),
    uid: randomUUID(),
    generation: 0,
    deletion: undefined,
    labels: new Map([['app', 'bench']]),
    annotations: new Map(),
    serviceAccount: 'default',
    hostNetwork: false,
    hostname: name,
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 0,
    initContainers: [],
    containers: [
      {
        name: 'main',
        image: pauseImageName,
        imagePullPolicy: 'Never',
        command: [],
        args: [],
        workingDir: '',
        env: [],
        envFrom: [],
        ports: [],
        volumeMounts: [],
        requests: { cpuMilli: undefined, memoryBytes: undefined },
        limits: { cpuMilli: undefined, memoryBytes: undefined },
        probes: NO_PROBES,
        security: {
          runAsUser: undefined,
          runAsGroup: undefined,
          privileged: false,
          readOnlyRootFilesystem: false,
          addCapabilities: [],
          dropCapabilities: [],
        },
      },
    ],
    volumes: [],
  }
}
