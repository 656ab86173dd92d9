import * as v from 'valibot'
import { env, envFrom } from './env.ts'
import { lifecycle } from './lifecycle.ts'
import { dnsLabel } from './names.ts'
import { ipAddress, portName, portNumber, protocol } from './network-fields.ts'
import { probes } from './probe.ts'
import { resources } from './resources.ts'
import { securityContext } from './security-context.ts'

/** API server default. */
const DEFAULT_TERMINATION_PATH = '/dev/termination-log'

const relativePath = /^(?!\/)(?!(.*\/)?\.\.(\/|$))/

const mount = v.object({
  name: dnsLabel,
  mountPath: v.pipe(v.string(), v.regex(/^\/[^:]*$/, 'must be an absolute path without :')),
  subPath: v.nullish(v.pipe(v.string(), v.regex(relativePath, 'must be a relative path without ..')), ''),
  // With variables in it, `..` is looked for once they are known.
  subPathExpr: v.nullish(v.string(), ''),
  readOnly: v.nullish(v.boolean(), false),
  mountPropagation: v.nullish(v.picklist(['None', 'HostToContainer', 'Bidirectional']), 'None'),
})

const port = v.object({
  name: v.nullish(v.union([v.literal(''), portName]), ''),
  containerPort: portNumber,
  protocol: v.nullish(protocol, 'TCP'),
  hostPort: v.nullish(v.union([v.literal(0), portNumber], 'must be a port number'), 0),
  hostIP: v.pipe(
    v.nullish(v.union([v.literal(''), ipAddress], 'must be an IP address'), ''),
    v.transform((address) => (address === '' ? undefined : address)),
  ),
})

/** core/v1 Container; init containers and containers are of one shape. */
export const containerSchema = v.object({
  name: dnsLabel,
  image: v.pipe(v.string(), v.regex(/^\S+$/, 'must be an image reference')),
  imagePullPolicy: v.nullish(v.picklist(['Always', 'IfNotPresent', 'Never'])),
  command: v.nullish(v.array(v.string()), []),
  args: v.nullish(v.array(v.string()), []),
  workingDir: v.nullish(v.string(), ''),
  env,
  envFrom,
  ports: v.nullish(v.array(port), []),
  volumeMounts: v.nullish(v.array(mount), []),
  resources,
  ...probes,
  restartPolicy: v.nullish(v.string()),
  lifecycle,
  securityContext,
  terminationMessagePath: v.pipe(
    v.nullish(v.string(), ''),
    v.transform((path) => (path === '' ? DEFAULT_TERMINATION_PATH : path)),
  ),
  terminationMessagePolicy: v.nullish(v.picklist(['File', 'FallbackToLogsOnError']), 'File'),
  stdin: v.nullish(v.boolean(), false),
  stdinOnce: v.nullish(v.boolean(), false),
  tty: v.nullish(v.boolean(), false),
})

export type WrittenContainer = v.InferOutput<typeof containerSchema>
