import * as v from 'valibot'

const text = v.nullish(v.string(), '')
const flag = v.nullish(v.boolean(), false)

const cluster = v.object({
  server: text,
  'tls-server-name': text,
  'insecure-skip-tls-verify': flag,
  'certificate-authority': text,
  'certificate-authority-data': text,
  'proxy-url': text,
})

const exec = v.object({
  apiVersion: v.picklist(
    ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'],
    'must be client.authentication.k8s.io/v1 or v1beta1',
  ),
  command: v.pipe(v.string(), v.minLength(1, 'must name a program')),
  args: v.nullish(v.array(v.string()), []),
  env: v.nullish(v.array(v.object({ name: v.string(), value: text })), []),
  installHint: text,
  provideClusterInfo: flag,
  interactiveMode: v.nullish(v.picklist(['Never', 'IfAvailable', 'Always']), 'IfAvailable'),
})

const user = v.object({
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  token: text,
  tokenFile: text,
  username: text,
  password: text,
  as: text,
  'as-uid': text,
  'as-groups': v.nullish(v.array(v.string()), []),
  'as-user-extra': v.nullish(v.record(v.string(), v.array(v.string())), {}),
  exec: v.nullish(exec),
  'auth-provider': v.nullish(v.unknown()),
})

const context = v.object({ cluster: text, user: text, namespace: text })

const list = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  v.nullish(v.array(v.object({ name: v.string(), ...entries })), [])

/** client-go's `tools/clientcmd/api/v1` Config, the parts that a client reads. */
export const kubeconfigSchema = v.object({
  'current-context': text,
  clusters: list({ cluster: v.nullish(cluster, {}) }),
  users: list({ user: v.nullish(user, {}) }),
  contexts: list({ context: v.nullish(context, {}) }),
})

export type KubeconfigFile = v.InferOutput<typeof kubeconfigSchema>
export type WrittenCluster = v.InferOutput<typeof cluster>
export type WrittenUser = v.InferOutput<typeof user>
export type WrittenContext = v.InferOutput<typeof context>
