import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { inClusterAccess } from '../../../src/kube/access/in-cluster.ts'
import { kubeconfigAccess } from '../../../src/kube/access/kubeconfig.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-kubeconfig-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const pem = '-----BEGIN CERTIFICATE-----\n'
const data = Buffer.from(pem).toString('base64')

interface Parts {
  readonly cluster?: object
  readonly user?: object
  readonly name?: string
  readonly current?: string
}

async function write(file: string, { cluster = {}, user = {}, name = 'one', current = name }: Parts = {}) {
  const path = join(folder, file)
  const config = {
    'current-context': current,
    clusters: [{ name, cluster: { server: `https://${name}.test:6443`, ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: `in-${name}` } }],
  }
  await writeFile(path, stringify(config))
  return path
}

const refusal = (parts: Parts) => write('config', parts).then((file) => failureOf(kubeconfigAccess({ file })))

const failureOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'accepted',
    (error: Error) => error.message.replaceAll(folder, ''),
  )

describe('a kubeconfig', () => {
  it('gives certificates of either kind, files relative to its own folder', async () => {
    const cluster = {
      'certificate-authority': 'pki/ca.crt',
      'tls-server-name': 'api',
      'proxy-url': 'socks5://p:1',
    }
    const user = { 'client-certificate-data': data, 'client-key': '/abs/key.pem', tokenFile: 'token' }
    const access = await kubeconfigAccess({ file: await write('config', { cluster, user }) })
    expect(access).toMatchObject({
      name: 'one',
      namespace: 'in-one',
      authority: { kind: 'file', path: join(folder, 'pki/ca.crt') },
      tlsServerName: 'api',
      user: {
        certificate: { kind: 'inline', bytes: Buffer.from(pem) },
        key: { kind: 'file', path: '/abs/key.pem' },
        tokenFile: join(folder, 'token'),
      },
    })
    expect(access.server.href).toBe('https://one.test:6443/')
    expect(access.proxy?.href).toBe('socks5://p:1')
  })

  it('is merged from the files of KUBECONFIG, the first to say something winning', async () => {
    const first = await write('first', { name: 'one', current: '' })
    const second = await write('second', { name: 'two' })
    await writeFile(
      join(folder, 'third'),
      stringify({ clusters: [{ name: 'one', cluster: { server: 'http://x' } }] }),
    )
    const env = { KUBECONFIG: [first, join(folder, 'missing'), second, join(folder, 'third')].join(':') }
    expect((await kubeconfigAccess({}, env)).name).toBe('two')
    expect((await kubeconfigAccess({ context: 'one' }, env)).server.host).toBe('one.test:6443')
  })

  it('knows exec plugins by bare name, by path and relative to its folder', async () => {
    const exec = (command: string) => ({
      user: {
        exec: {
          apiVersion: 'client.authentication.k8s.io/v1',
          command,
          args: ['get'],
          interactiveMode: 'Never',
        },
      },
    })
    const commandOf = async (command: string) =>
      (await kubeconfigAccess({ file: await write('config', exec(command)) })).user.exec?.command
    expect(await commandOf('aws')).toBe('aws')
    expect(await commandOf('/bin/aws')).toBe('/bin/aws')
    expect(await commandOf('./bin/aws')).toBe(join(folder, 'bin/aws'))
  })

  it('says precisely what is wrong with it', async () => {
    expect(await refusal({ current: 'two' })).toBe(
      'cannot use the kubeconfig /config: there is no context two (known contexts: one)',
    )
    expect(await refusal({ cluster: { server: 'ftp://x' } })).toContain(
      'the server of the cluster one of /config: "ftp://x" is no URL (write one that begins with http://, https://)',
    )
    expect(await refusal({ cluster: { server: 5 } })).toContain('/config: clusters.0.cluster.server: ')
    expect(await refusal({ user: { 'client-certificate-data': '!!', 'client-key': 'k' } })).toContain(
      'the user one of /config: client-certificate-data is no base64 of a PEM file',
    )
    expect(await refusal({ user: { 'client-key': 'k' } })).toContain(
      'only one of client-certificate and client-key',
    )
    expect(await refusal({ user: { 'auth-provider': { name: 'gcp' } } })).toContain('use an exec plugin')
    expect(
      await refusal({ cluster: { 'certificate-authority-data': data, 'insecure-skip-tls-verify': true } }),
    ).toContain('has a certificate-authority and insecure-skip-tls-verify')
    await writeFile(join(folder, 'config'), 'clusters:\n  - {')
    expect(await failureOf(kubeconfigAccess({ file: join(folder, 'config') }))).toMatch(
      /kubeconfig \/config:\d+: /,
    )
    expect(await failureOf(kubeconfigAccess({ file: join(folder, 'none') }))).toContain('ENOENT')
  })
})

describe('in-cluster access', () => {
  it('reads the projected service account', async () => {
    await mkdir(join(folder, 'sa'))
    await writeFile(join(folder, 'sa/token'), 'secret')
    await writeFile(join(folder, 'sa/namespace'), 'kube-system\n')
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
    const access = await inClusterAccess(env, join(folder, 'sa'))
    expect(access.server.href).toBe('https://[fd00::1]/')
    expect(access.namespace).toBe('kube-system')
    expect(access.user.tokenFile).toBe(join(folder, 'sa/token'))
  })

  it('says where it looked', async () => {
    expect(await failureOf(inClusterAccess({}, folder))).toContain('KUBERNETES_SERVICE_HOST')
    const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' }
    expect(await failureOf(inClusterAccess(env, folder))).toContain("service account's token /token")
  })
})
