import { writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'

/** The two halves of a context, as a kubeconfig writes them. */
export interface KubeconfigFields {
  /** `server`, `certificate-authority`, `proxy-url`, … */
  readonly cluster: Readonly<Record<string, unknown>>
  /** `client-certificate`, `tokenFile`, `exec`, … */
  readonly user: Readonly<Record<string, unknown>>
}

/** Writes a kubeconfig of one context. */
export async function writeKubeconfig(file: string, { cluster, user }: KubeconfigFields): Promise<string> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user }],
  }
  await writeFile(file, stringify(config))
  return file
}
