/**
 * Labels of sandboxes and containers: those of upstream's kubelet, by which it and tools such as crictl know whose they
 * are, and our mark of ownership.
 */
export const LABEL = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
  /** Which standalone Hawser made it: what carries one is nobody else's. */
  owner: 'hawser/owner',
} as const

/** What a later kubelet must know of a pod that it only meets in the runtime. */
export const ANNOTATION = {
  /** On sandboxes: how long the pod's containers get to end. */
  graceSeconds: 'hawser/grace-seconds',
  /** On containers: the crash-loop delay that came before this start, in ms. */
  restartDelay: 'hawser/restart-delay-ms',
} as const

/** On containers, for and of upstream's kubelet (pkg/kubelet/kuberuntime/labels.go of Kubernetes 1.36). */
export const KUBELET_ANNOTATION = {
  hash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  ports: 'io.kubernetes.container.ports',
  graceSeconds: 'io.kubernetes.pod.terminationGracePeriod',
} as const

/** On pods, and so on their sandboxes: where their manifest came from. Static pods say `file` or `http`. */
export const CONFIG_SOURCE = 'kubernetes.io/config.source'

export const isStatic = (configSource: string | undefined): boolean =>
  configSource !== undefined && configSource !== 'api'
