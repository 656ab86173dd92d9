import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startHttpProxy } from '../unit/kube/proxies.ts'
import { FollowedCluster } from './followed-cluster.ts'
import { BreakableLink } from './harness/breakable-link.ts'
import { TestCluster } from './harness/test-cluster.ts'
import { createService, deleteService, inParallel, setEndpoints } from './objects.ts'

const SERVICES = 1_000

let cluster: TestCluster
let followed: FollowedCluster | undefined
let link: BreakableLink | undefined

beforeAll(async () => {
  cluster = await TestCluster.start()
  await allowProxies()
  await inParallel(SERVICES, (index) => createService(cluster.admin, index))
})

afterEach(async () => {
  await followed?.close()
  await link?.close()
  followed = undefined
  link = undefined
})

afterAll(async () => cluster?.dispose())

describe('a source that follows a real API server', () => {
  it('knows a thousand Services at once, and every change of them', async () => {
    followed = await FollowedCluster.start(cluster, cluster.kubeconfig)
    await followed.whenEqual()
    expect(followed.source.services.size).toBe(SERVICES + 1) // and the Service kubernetes
    await inParallel(100, (index) => setEndpoints(cluster.admin, index, 1 + (index % 5)))
    await inParallel(50, (index) => deleteService(cluster.admin, index))
    await inParallel(50, (index) => createService(cluster.admin, index, 3))
    await followed.whenEqual()
    expect(followed.failures).toEqual([])
  })

  it('goes on where it was when the API server restarts', async () => {
    followed = await FollowedCluster.start(cluster, cluster.kubeconfig)
    await followed.whenEqual()
    await cluster.stopApiServer('SIGKILL')
    await eventually(() => followed?.source.problem)
    await cluster.startApiServer()
    await inParallel(20, (index) => setEndpoints(cluster.admin, index, 4))
    await deleteService(cluster.admin, 20)
    await followed.whenEqual()
    expect(followed.source.problem).toBeUndefined()
    await createService(cluster.admin, 20)
  })

  it('finds out what vanished when etcd has forgotten its place', async () => {
    const between = await breakableLink()
    followed = await followThrough(between)
    await followed.whenEqual()
    between.sever()
    await inParallel(30, (index) => deleteService(cluster.admin, 100 + index))
    await inParallel(30, (index) => setEndpoints(cluster.admin, 200 + index, 5))
    await cluster.compactEtcd()
    // The API server remembers recent events itself; a new one knows only what etcd has.
    await cluster.stopApiServer()
    await cluster.startApiServer()
    between.mend()
    await followed.whenEqual()
    expect(followed.failures).toContain('EXPIRED')
    await inParallel(30, (index) => createService(cluster.admin, 100 + index))
  })

  it('notices a partition that nobody tells it of', async () => {
    const between = await breakableLink()
    followed = await followThrough(between, 1_500)
    await followed.whenEqual()
    between.freeze()
    await inParallel(20, (index) => setEndpoints(cluster.admin, 400 + index, 5))
    await followed.whenEqual()
    expect(followed.failures).toContain('TIMEOUT')
  })

  it('loses nothing to a network that corrupts what it carries', async () => {
    const between = await breakableLink()
    followed = await followThrough(between)
    await followed.whenEqual()
    for (let index = 500; index < 520; index++) {
      if (index % 4 === 0) between.corrupt()
      await setEndpoints(cluster.admin, index, 4)
    }
    await followed.whenEqual()
    expect(followed.failures).toContain('UNREACHABLE')
  })

  it('reaches the server through a proxy, under the name that its certificate has', async () => {
    const proxy = await startHttpProxy()
    const name = { 'proxy-url': proxy.url, 'tls-server-name': 'kubernetes.default.svc' }
    followed = await FollowedCluster.start(cluster, await writeAdmin('proxied', name))
    await followed.whenEqual()
    expect(new Set(proxy.asked)).toEqual(new Set([`127.0.0.1:${cluster.serverPort}`]))
    await followed.close()
    await proxy.close()
    const wrong = await writeAdmin('wrong-name', { 'tls-server-name': 'other.test' })
    followed = await FollowedCluster.start(cluster, wrong)
    const problem = await eventually(() => followed?.source.problem)
    expect(problem.remedy).toContain('tls-server-name')
  })

  it('waits out an expired token and goes on with the one that replaces it', async () => {
    const tokenFile = join(cluster.place.folder, 'proxy.token')
    await writeFile(tokenFile, await cluster.serviceAccountToken('default', 'proxy', -120))
    const kubeconfig = await cluster.writeKubeconfig('proxy.kubeconfig', { tokenFile })
    followed = await FollowedCluster.start(cluster, kubeconfig)
    await eventually(() => (followed?.source.problem?.status === 401 ? true : undefined))
    expect(followed.source.synced).toBe(false)
    await writeFile(tokenFile, await cluster.serviceAccountToken('default', 'proxy', 600))
    await followed.whenEqual()
    expect(followed.source.problem).toBeUndefined()
  })

  it('speaks with a client certificate that was rotated under it', async () => {
    const [before, after] = await Promise.all([
      cluster.clientCertificate('rotated-before', ['system:masters']),
      cluster.clientCertificate('rotated-after', ['system:masters']),
    ])
    const files = {
      cert: join(cluster.place.folder, 'rotated.crt'),
      key: join(cluster.place.folder, 'rotated.key'),
    }
    await copyCertificate(before, files)
    const user = { 'client-certificate': files.cert, 'client-key': files.key }
    followed = await FollowedCluster.start(cluster, await cluster.writeKubeconfig('rotated.kubeconfig', user))
    await followed.whenEqual()
    await copyCertificate(after, files)
    await eventually(async () => {
      const review = await followed?.client.json({
        method: 'POST',
        path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
        body: {},
      })
      return JSON.stringify(review).includes('rotated-after') ? true : undefined
    }, 30_000)
    await setEndpoints(cluster.admin, 300, 5)
    await followed.whenEqual()
  })

  it('says who may not what, and goes on once it may', async () => {
    const nobody = await cluster.clientCertificate('nobody')
    const user = { 'client-certificate': nobody.cert, 'client-key': nobody.key }
    followed = await FollowedCluster.start(cluster, await cluster.writeKubeconfig('nobody.kubeconfig', user))
    const problem = await eventually(() => followed?.source.problem)
    expect(problem.message).toMatch(/403 Forbidden: .*"nobody" cannot (list|watch) resource/)
    await bind('nobody', { kind: 'User', name: 'nobody', apiGroup: 'rbac.authorization.k8s.io' })
    await followed.whenEqual()
  })
})

async function breakableLink(): Promise<BreakableLink> {
  link = await BreakableLink.to(cluster.serverPort)
  return link
}

async function followThrough(via: BreakableLink, livenessMs?: number): Promise<FollowedCluster> {
  const kubeconfig = await writeAdmin('linked', { server: `https://127.0.0.1:${via.port}` })
  return FollowedCluster.start(cluster, kubeconfig, livenessMs)
}

async function writeAdmin(name: string, clusterFields: Readonly<Record<string, unknown>>): Promise<string> {
  const { cert, key } = await cluster.clientCertificate(name, ['system:masters'])
  const user = { 'client-certificate': cert, 'client-key': key }
  return cluster.writeKubeconfig(`${name}.kubeconfig`, user, clusterFields)
}

/** What kube-proxy's own role allows, for the service account `proxy`. */
const allowProxies = (): Promise<unknown> =>
  bind('proxy', { kind: 'ServiceAccount', name: 'proxy', namespace: 'default' })

const bind = (name: string, subject: object): Promise<unknown> =>
  cluster.admin.json({
    method: 'POST',
    path: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
    body: {
      metadata: { name: `test-${name}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node-proxier' },
      subjects: [subject],
    },
  })

async function copyCertificate(
  from: { readonly cert: string; readonly key: string },
  to: { readonly cert: string; readonly key: string },
): Promise<void> {
  await copyFile(from.key, to.key)
  await copyFile(from.cert, to.cert)
}
