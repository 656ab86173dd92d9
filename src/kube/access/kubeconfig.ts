import { homedir } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import type { ClusterAccess, ExecPlugin, Material, UserAccess } from './cluster-access.ts'
import { anonymous } from './cluster-access.ts'
import type { WrittenCluster, WrittenUser } from './kubeconfig-schema.ts'
import { type Entry, invalid, type MergedKubeconfig, readKubeconfig } from './read-kubeconfig.ts'

export interface KubeconfigChoice {
  /** A file; otherwise those that KUBECONFIG lists, otherwise `~/.kube/config`. */
  readonly file?: string
  /** A context; otherwise `current-context`. */
  readonly context?: string
}

const PROXY_PROTOCOLS = ['http:', 'https:', 'socks5:', 'socks5h:']

/** Reads a kubeconfig as kubectl does. Throws a KubeError `KUBECONFIG_INVALID` that names the file and the field. */
export async function kubeconfigAccess(
  choice: KubeconfigChoice = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<ClusterAccess> {
  const config = await readKubeconfig(filesOf(choice, env))
  const name = choice.context ?? config.currentContext
  const context = config.contexts.get(name)
  if (context === undefined) {
    const known = [...config.contexts.keys()].join(', ') || 'none'
    const what = name === '' ? 'no current-context is set' : `there is no context ${name}`
    throw invalid(`cannot use the kubeconfig ${config.files.join(', ')}: ${what}`, `known contexts: ${known}`)
  }
  const { cluster: clusterName, user: userName, namespace } = context.written
  const cluster = find(config, config.clusters, 'cluster', clusterName, name)
  const user = userName === '' ? undefined : find(config, config.users, 'user', userName, name)
  return {
    name,
    ...clusterAccess(clusterName, cluster),
    user: user === undefined ? anonymous : userAccess(userName, user),
    namespace: namespace || 'default',
  }
}

function filesOf(choice: KubeconfigChoice, env: NodeJS.ProcessEnv): readonly string[] {
  if (choice.file !== undefined) return [choice.file]
  const listed = (env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '')
  return listed.length > 0 ? [...new Set(listed)] : [join(homedir(), '.kube', 'config')]
}

function find<Written>(
  config: MergedKubeconfig,
  entries: ReadonlyMap<string, Entry<Written>>,
  kind: string,
  name: string,
  context: string,
): Entry<Written> {
  const entry = entries.get(name)
  if (entry !== undefined) return entry
  const known = [...entries.keys()].join(', ') || 'none'
  throw invalid(
    `cannot use the context ${context} of ${config.files.join(', ')}: there is no ${kind} ${name || '(empty)'}`,
    `known ${kind}s: ${known}`,
  )
}

type ClusterPart = Pick<
  ClusterAccess,
  'server' | 'authority' | 'tlsServerName' | 'insecureSkipTlsVerify' | 'proxy'
>

function clusterAccess(name: string, entry: Entry<WrittenCluster>): ClusterPart {
  const { written, file } = entry
  const at = `the cluster ${name} of ${file}`
  const server = url(written.server, `the server of ${at}`, ['http:', 'https:'])
  const authority = material(entry, written, 'certificate-authority', at)
  if (written['insecure-skip-tls-verify'] && authority !== undefined)
    throw invalid(
      `cannot use ${at}: it has a certificate-authority and insecure-skip-tls-verify`,
      'remove one of them',
    )
  return {
    server,
    authority,
    tlsServerName: written['tls-server-name'] || undefined,
    insecureSkipTlsVerify: written['insecure-skip-tls-verify'],
    proxy:
      written['proxy-url'] === ''
        ? undefined
        : url(written['proxy-url'], `the proxy-url of ${at}`, PROXY_PROTOCOLS),
  }
}

function url(text: string, what: string, protocols: readonly string[]): URL {
  // client-go takes a server without a scheme to speak http.
  const full = text.includes('://') ? text : `http://${text}`
  const parsed = URL.canParse(full) && text !== '' ? new URL(full) : undefined
  if (parsed !== undefined && protocols.includes(parsed.protocol)) return parsed
  const known = protocols.map((protocol) => `${protocol}//`).join(', ')
  throw invalid(
    `cannot use ${what}: ${JSON.stringify(text)} is no URL`,
    `write one that begins with ${known}`,
  )
}

function material<Written extends Readonly<Record<string, unknown>>>(
  { folder }: Entry<unknown>,
  written: Written,
  field: keyof Written & string,
  at: string,
): Material | undefined {
  const data = written[`${field}-data`]
  const path = written[field]
  if (typeof data === 'string' && data !== '') {
    const bytes = Buffer.from(data, 'base64')
    // Buffer.from skips what is no base64, so that a damaged certificate would surface as a TLS error much later.
    if (!bytes.includes('-----BEGIN'))
      throw invalid(
        `cannot use ${at}: ${field}-data is no base64 of a PEM file`,
        'encode the PEM file with base64 -w0',
      )
    return { kind: 'inline', bytes }
  }
  return typeof path === 'string' && path !== '' ? { kind: 'file', path: resolve(folder, path) } : undefined
}

function userAccess(name: string, entry: Entry<WrittenUser>): UserAccess {
  const { written, file, folder } = entry
  const at = `the user ${name} of ${file}`
  if (written['auth-provider'] != null)
    throw invalid(`cannot use ${at}: auth-provider was removed in Kubernetes 1.26`, 'use an exec plugin')
  const certificate = material(entry, written, 'client-certificate', at)
  const key = material(entry, written, 'client-key', at)
  if ((certificate === undefined) !== (key === undefined))
    throw invalid(
      `cannot use ${at}: it has only one of client-certificate and client-key`,
      'add the other one',
    )
  const bearer = written.token !== '' || written.tokenFile !== ''
  if (bearer && written.username !== '')
    throw invalid(`cannot use ${at}: it has a token and a username`, 'remove one of them')
  return {
    certificate,
    key,
    token: written.token || undefined,
    tokenFile: written.tokenFile === '' ? undefined : resolve(folder, written.tokenFile),
    basic: written.username === '' ? undefined : { username: written.username, password: written.password },
    exec: written.exec == null ? undefined : execPlugin(written.exec, folder, at),
    impersonation: impersonation(written, at),
  }
}

function execPlugin(exec: NonNullable<WrittenUser['exec']>, folder: string, at: string): ExecPlugin {
  if (exec.interactiveMode === 'Always')
    throw invalid(
      `cannot use ${at}: its exec plugin wants a terminal (interactiveMode: Always)`,
      'use credentials that a service can obtain on its own',
    )
  // As in client-go: a bare name is looked up in PATH, anything with a slash is relative to the kubeconfig.
  const relative = exec.command.includes('/') && !isAbsolute(exec.command)
  return {
    apiVersion: exec.apiVersion,
    command: relative ? resolve(folder, exec.command) : exec.command,
    args: exec.args,
    env: Object.fromEntries(exec.env.map(({ name, value }) => [name, value])),
    installHint: exec.installHint,
    provideClusterInfo: exec.provideClusterInfo,
  }
}

function impersonation(written: WrittenUser, at: string): UserAccess['impersonation'] {
  const { as, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra } = written
  const extras = Object.entries(extra)
  if (as === '' && (uid !== '' || groups.length > 0 || extras.length > 0))
    throw invalid(`cannot use ${at}: it impersonates a uid, groups or extras without a user`, 'set as')
  return {
    ...(as === '' ? {} : { 'Impersonate-User': as }),
    ...(uid === '' ? {} : { 'Impersonate-Uid': uid }),
    ...(groups.length === 0 ? {} : { 'Impersonate-Group': groups }),
    ...Object.fromEntries(
      extras.map(([key, values]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, values]),
    ),
  }
}
