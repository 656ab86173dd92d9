import { TEST_IMAGE } from '../support/containerd-images.ts'

/** As kubectl reads it. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly [field: string]: unknown
}

/** Long enough for the proxy to hear of a pod's end before the pod is gone, on any machine: the server ignores SIGTERM. */
const WEB_GRACE_SECONDS = 8

/** The container of a pod that serves its name and `greeting` at port 8080. */
const webContainer = (greeting: string): object => ({
  name: 'web',
  image: TEST_IMAGE,
  command: ['sh', '-c', `echo "$HOSTNAME ${greeting}" > /www/index.html; exec httpd -f -p 8080 -h /www`],
  ports: [{ containerPort: 8080 }],
  readinessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 1 },
})

const labelled = (name: string, spec: object): object => ({ metadata: { labels: { app: name } }, spec })

/** A Deployment that never has fewer pods ready than it wants. */
export const webDeployment = (name: string, replicas: number, greeting: string): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 2 } },
    template: labelled(name, {
      containers: [webContainer(greeting)],
      terminationGracePeriodSeconds: WEB_GRACE_SECONDS,
    }),
  },
})

export const serviceOf = (name: string, clusterIP?: 'None'): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...(clusterIP && { clusterIP }) },
})

export const daemonSet = (name: string): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name },
  spec: { selector: { matchLabels: { app: name } }, template: labelled(name, idle()) },
})

/** Its pods are ready a while after they run, so that an order shows. */
export const statefulSet = (name: string, replicas: number): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name },
  spec: {
    replicas,
    serviceName: name,
    selector: { matchLabels: { app: name } },
    template: labelled(name, idle({ exec: { command: ['true'] }, initialDelaySeconds: 1, periodSeconds: 1 })),
  },
})

/** Runs a shell command to its end, again where that fails as often as `retries` says. */
export const job = (name: string, command: string, retries = 0): Manifest => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name },
  spec: {
    backoffLimit: retries,
    template: labelled(name, {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: TEST_IMAGE, command: ['sh', '-c', command] }],
    }),
  },
})

/** A pod that serves the files of a ConfigMap at port 8080. */
export const configServer = (name: string, configMap: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    containers: [
      {
        name: 'web',
        image: TEST_IMAGE,
        command: ['httpd', '-f', '-p', '8080', '-h', '/config'],
        volumeMounts: [{ name: 'config', mountPath: '/config' }],
      },
    ],
    volumes: [{ name: 'config', configMap: { name: configMap } }],
    terminationGracePeriodSeconds: 0,
  },
})

export const configMap = (name: string, data: Readonly<Record<string, string>>): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
})

const idle = (readinessProbe?: object): object => ({
  containers: [
    {
      name: 'main',
      image: TEST_IMAGE,
      command: ['sleep', '100000'],
      ...(readinessProbe && { readinessProbe }),
    },
  ],
  terminationGracePeriodSeconds: 0,
})
