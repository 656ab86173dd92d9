import * as v from 'valibot'
import { env, envFrom } from './env.ts'
import { dnsLabel } from './names.ts'
import { portName, portNumber, protocol } from './network-fields.ts'
import { probes } from './probe.ts'
import { resources } from './resources.ts'

const idMessage = 'must be a user or group number'
export const userOrGroupId = v.nullish(
  v.pipe(v.number(), v.integer(idMessage), v.minValue(0, idMessage), v.maxValue(2 ** 31 - 1, idMessage)),
)

const capabilities = v.nullish(v.array(v.string()), [])

const mount = v.object({
  name: dnsLabel,
  mountPath: v.pipe(v.string(), v.regex(/^\/[^:]*$/, 'must be an absolute path without :')),
  subPath: v.nullish(
    v.pipe(v.string(), v.regex(/^(?!\/)(?!(.*\/)?\.\.(\/|$))/, 'must be a relative path without ..')),
    '',
  ),
  readOnly: v.nullish(v.boolean(), false),
  mountPropagation: v.nullish(v.picklist(['None', 'HostToContainer', 'Bidirectional']), 'None'),
})

const port = v.object({
  name: v.nullish(v.union([v.literal(''), portName]), ''),
  containerPort: portNumber,
  protocol: v.nullish(protocol, 'TCP'),
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
  securityContext: v.nullish(
    v.object({
      runAsUser: userOrGroupId,
      runAsGroup: userOrGroupId,
      privileged: v.nullish(v.boolean(), false),
      readOnlyRootFilesystem: v.nullish(v.boolean(), false),
      capabilities: v.nullish(v.object({ add: capabilities, drop: capabilities }), {}),
    }),
    {},
  ),
  // What the API server fills in, and what this node does anyway.
  terminationMessagePath: v.nullish(v.string()),
  terminationMessagePolicy: v.nullish(v.string()),
})

export type WrittenContainer = v.InferOutput<typeof containerSchema>
