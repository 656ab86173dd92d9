/** Labels of sandboxes and containers: the kubelet's own, which tools such as crictl read, and our mark of ownership. */
export const LABEL = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
  /** Which Hawser made it. Nothing without our own value is ever listed, let alone touched. */
  owner: 'hawser/owner',
} as const

/** What a later Hawser must know of a pod that it only meets in the runtime. */
export const ANNOTATION = {
  /** On sandboxes: how long the pod's containers get to end. */
  graceSeconds: 'hawser/grace-seconds',
  /** On containers: the crash-loop delay that came before this start, in ms. */
  restartDelay: 'hawser/restart-delay-ms',
} as const
