import { TEST_IMAGE } from './containerd-images.ts'

const list = (values: readonly string[]): string => JSON.stringify(values)

/** A page that no other start of a container has: whoever serves the same page was not restarted. */
const serve = [
  '/bin/sh',
  '-c',
  'trap "exit 0" TERM; cat /proc/sys/kernel/random/uuid > /www/index.html; httpd -f -p 8080 -h /www & wait',
]

/** A Deployment of web servers on port 8080. */
export const webDeployment = (name: string, replicas: number, image = TEST_IMAGE): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - name: web
          image: ${image}
          imagePullPolicy: IfNotPresent
          command: ${list(serve)}
`

/** A pod that only waits: somewhere to look from. */
export const clientPod = (name: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {hawser.dev/check: client}}
spec:
  terminationGracePeriodSeconds: 2
  containers:
    - name: shell
      image: ${TEST_IMAGE}
      command: ${list(['/bin/sh', '-c', 'trap "exit 0" TERM; sleep 1000000 & wait'])}
`

/** A Service over the pods of a Deployment; `more` are further lines of its spec. */
export const webService = (name: string, app: string, more = ''): string => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {app: ${app}}
  ports: [{port: 80, targetPort: 8080}]
${more}
`

/** A Service and its endpoints, which stand in the folder too. */
export const sliceService = (
  name: string,
  protocol: 'TCP' | 'UDP',
  port: number,
  addresses: readonly string[],
): string => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  ports: [{port: 80, protocol: ${protocol}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-1, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
ports: [{port: ${port}, protocol: ${protocol}}]
endpoints: ${list(addresses).replace(/"([^"]+)"/g, '{addresses: [$1]}')}
`
