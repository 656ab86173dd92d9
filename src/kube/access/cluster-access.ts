/** Bytes that stand in a kubeconfig or in a file, which may be replaced at any time. */
export type Material =
  | { readonly kind: 'inline'; readonly bytes: Buffer }
  | { readonly kind: 'file'; readonly path: string }

/** How a kubeconfig says who the client is; what it takes is read when it is needed. */
export interface UserAccess {
  readonly certificate: Material | undefined
  readonly key: Material | undefined
  readonly token: string | undefined
  /** Wins over `token` as long as it can be read. */
  readonly tokenFile: string | undefined
  readonly basic: { readonly username: string; readonly password: string } | undefined
  readonly exec: ExecPlugin | undefined
  /** `Impersonate-*` headers of `as`, `as-uid`, `as-groups` and `as-user-extra`. */
  readonly impersonation: Readonly<Record<string, string | readonly string[]>>
}

/** client.authentication.k8s.io: a program that prints credentials. */
export interface ExecPlugin {
  readonly apiVersion: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly installHint: string
  /** The plugin is told which cluster it is for. */
  readonly provideClusterInfo: boolean
}

/** One API server and how to speak to it. */
export interface ClusterAccess {
  /** Where this came from, for messages: a context's name, or `in-cluster`. */
  readonly name: string
  readonly server: URL
  /** Undefined: the system's authorities. */
  readonly authority: Material | undefined
  /** Name in the server's certificate where it is not the URL's host. */
  readonly tlsServerName: string | undefined
  readonly insecureSkipTlsVerify: boolean
  readonly proxy: URL | undefined
  readonly user: UserAccess
  readonly namespace: string
}

export const anonymous: UserAccess = {
  certificate: undefined,
  key: undefined,
  token: undefined,
  tokenFile: undefined,
  basic: undefined,
  exec: undefined,
  impersonation: {},
}
