import { writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'

/** `user` as a kubeconfig writes it: `client-certificate`, `tokenFile`, `exec`, … */
export interface KubeconfigFields {
  readonly server: string
  readonly authority: string
  readonly user: Readonly<Record<string, unknown>>
}

/** Writes a kubeconfig of one context. */
export async function writeKubeconfig(
  file: string,
  { server, authority, user }: KubeconfigFields,
): Promise<string> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': authority } }],
    users: [{ name: 'test', user }],
  }
  await writeFile(file, stringify(config))
  return file
}
