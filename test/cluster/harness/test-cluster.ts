import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kubeconfigAccess } from '../../../src/kube/access/kubeconfig.ts'
import { KubeClient } from '../../../src/kube/client.ts'
import { isRecord } from '../../../src/kube/kube-object.ts'
import { clusterBinaries } from '../binaries.ts'
import { type Certificate, CertificateAuthority } from './certificates.ts'
import { writeKubeconfig } from './kubeconfig-file.ts'
import { freePorts } from './ports.ts'
import { ClusterProcess, type ProcessPlace } from './process.ts'
import { ISSUER, serviceAccountToken } from './service-account-token.ts'

export interface TestClusterOptions {
  /** Endpoints and service accounts only appear where it runs. */
  readonly controllerManager?: boolean
  readonly scheduler?: boolean
  /**
   * An address of this machine that is not loopback: the API server listens on it too and serves the Service
   * `kubernetes` from there, for pods to reach it, and asks kubelets as one whom the cluster's authority vouches for.
   */
  readonly advertiseAddress?: string
}

interface Keys {
  readonly authority: CertificateAuthority
  readonly server: Certificate
  readonly admin: Certificate
  readonly tokens: { readonly private: string; readonly public: string }
}

interface Ports {
  readonly etcd: number
  readonly etcdPeer: number
  readonly server: number
}

/**
 * A real control plane on loopback: etcd and kube-apiserver with RBAC, on demand kube-controller-manager and
 * kube-scheduler. Everything of it lies in one folder that goes with it.
 */
export class TestCluster {
  readonly place: ProcessPlace
  /** Path of a kubeconfig with every right. */
  readonly kubeconfig: string
  /** A client with every right and no rate limit. */
  readonly admin: KubeClient
  readonly #keys: Keys
  readonly #ports: Ports
  readonly #running = new Map<string, ClusterProcess>()

  readonly #advertised: string | undefined

  private constructor(
    place: ProcessPlace,
    keys: Keys,
    ports: Ports,
    kubeconfig: string,
    admin: KubeClient,
    advertised: string | undefined,
  ) {
    this.#advertised = advertised
    this.place = place
    this.#keys = keys
    this.#ports = ports
    this.kubeconfig = kubeconfig
    this.admin = admin
  }

  /** Starts the control plane; resolves when the API server is ready. Builds the programs when there are none. */
  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const binaries = await clusterBinaries()
    const folder = await mkdtemp(join(tmpdir(), 'hw-cluster-'))
    let cluster: TestCluster | undefined
    try {
      cluster = await TestCluster.#prepare({ binaries, folder }, options.advertiseAddress)
      await cluster.#startEtcd()
      await cluster.startApiServer()
      if (options.controllerManager) cluster.#startControllerManager()
      if (options.scheduler) cluster.#startScheduler()
      return cluster
    } catch (error) {
      await cluster?.dispose()
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  static async #prepare(place: ProcessPlace, advertised: string | undefined): Promise<TestCluster> {
    const authority = await CertificateAuthority.create(place.folder)
    const names = ['IP:127.0.0.1', 'DNS:localhost', 'DNS:kubernetes.default.svc', `IP:${FIRST_SERVICE_IP}`]
    if (advertised !== undefined) names.push(`IP:${advertised}`)
    const [server, admin, tokens] = await Promise.all([
      authority.server('kube-apiserver', names),
      authority.client('hawser-test-admin', ['system:masters']),
      authority.keyPair('service-account'),
    ])
    const [etcd = 0, etcdPeer = 0, port = 0] = await freePorts(3)
    const file = join(place.folder, 'admin.kubeconfig')
    const user = { 'client-certificate': admin.cert, 'client-key': admin.key }
    const apiServer = { server: `https://127.0.0.1:${port}`, 'certificate-authority': authority.cert }
    await writeKubeconfig(file, { cluster: apiServer, user })
    const client = new KubeClient({
      access: await kubeconfigAccess({ file }),
      userAgent: 'hawser-test',
      qps: 0,
      burst: 0,
    })
    const ports = { etcd, etcdPeer, server: port }
    return new TestCluster(place, { authority, server, admin, tokens }, ports, file, client, advertised)
  }

  get server(): string {
    return `https://127.0.0.1:${this.#ports.server}`
  }

  get serverPort(): number {
    return this.#ports.server
  }

  /** Path of the authority that signed the server's certificate. */
  get authority(): string {
    return this.#keys.authority.cert
  }

  /** Writes a kubeconfig into the cluster's folder; `cluster` says what is not as the API server itself has it. */
  writeKubeconfig(
    name: string,
    user: Readonly<Record<string, unknown>>,
    cluster: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    const apiServer = { server: this.server, 'certificate-authority': this.authority }
    return writeKubeconfig(join(this.place.folder, name), { cluster: { ...apiServer, ...cluster }, user })
  }

  clientCertificate(user: string, groups: readonly string[] = []): Promise<Certificate> {
    return this.#keys.authority.client(user, groups)
  }

  /** Makes the account when there is none, and signs a token of it that is good for `seconds`. */
  async serviceAccountToken(namespace: string, name: string, seconds: number): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`
    const account =
      (await this.admin.json({ path: `${path}/${name}` }).catch(() => undefined)) ??
      (await this.admin.json({ method: 'POST', path, body: { metadata: { name } } }))
    const metadata = isRecord(account) && isRecord(account.metadata) ? account.metadata : {}
    const uid = String(metadata.uid)
    return serviceAccountToken(this.#keys.tokens.private, { namespace, name, uid }, seconds)
  }

  /** Starts the API server on the port that it always has; resolves when it is ready. */
  async startApiServer(): Promise<void> {
    const { authority, server, tokens } = this.#keys
    const program = this.#start('kube-apiserver', [
      `--etcd-servers=http://127.0.0.1:${this.#ports.etcd}`,
      `--secure-port=${this.#ports.server}`,
      ...this.#apiServerPlace(),
      `--service-cluster-ip-range=${SERVICE_RANGE}`,
      `--tls-cert-file=${server.cert}`,
      `--tls-private-key-file=${server.key}`,
      `--client-ca-file=${authority.cert}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      `--service-account-issuer=${ISSUER}`,
      `--service-account-key-file=${tokens.public}`,
      `--service-account-signing-key-file=${tokens.private}`,
      '--etcd-compaction-interval=0',
    ])
    await program.whenReady(async () => {
      await this.admin.json({ path: '/api/v1/namespaces/default' })
      const response = await this.admin.stream({ path: '/readyz' })
      response.resume()
      return response.statusCode === 200
    })
  }

  #apiServerPlace(): string[] {
    const { admin } = this.#keys
    // It refuses to advertise loopback; nothing is ever sent to this one (RFC 5737).
    const local = [
      '--bind-address=127.0.0.1',
      '--advertise-address=192.0.2.1',
      '--endpoint-reconciler-type=none',
    ]
    if (this.#advertised === undefined) return local
    return [
      '--bind-address=0.0.0.0',
      `--advertise-address=${this.#advertised}`,
      '--kubelet-preferred-address-types=InternalIP',
      `--kubelet-client-certificate=${admin.cert}`,
      `--kubelet-client-key=${admin.key}`,
    ]
  }

  /** As an upgrade does it, or as a crash does. */
  async stopApiServer(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.#running.get('kube-apiserver')?.stop(signal)
  }

  /** Makes etcd forget all revisions but the last, through its JSON gateway. */
  async compactEtcd(): Promise<void> {
    const { header } = await this.#askEtcd('/v3/kv/range', { key: 'AA==' })
    await this.#askEtcd('/v3/kv/compaction', { revision: header?.revision, physical: true })
  }

  async dispose(): Promise<void> {
    this.admin.close()
    // The API server first: it would complain about an etcd that is gone.
    for (const program of [...this.#running.values()].reverse()) await program.stop('SIGKILL')
    await rm(this.place.folder, { recursive: true, force: true })
  }

  async #startEtcd(): Promise<void> {
    const client = `http://127.0.0.1:${this.#ports.etcd}`
    const peer = `http://127.0.0.1:${this.#ports.etcdPeer}`
    const program = this.#start('etcd', [
      `--data-dir=${join(this.place.folder, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
    ])
    await program.whenReady(async () => (await fetch(`${client}/health`)).ok)
  }

  #startControllerManager(): void {
    const { authority, tokens } = this.#keys
    this.#start('kube-controller-manager', [
      `--kubeconfig=${this.kubeconfig}`,
      `--service-account-private-key-file=${tokens.private}`,
      `--root-ca-file=${authority.cert}`,
      '--use-service-account-credentials',
      '--leader-elect=false',
      '--secure-port=0',
    ])
  }

  #startScheduler(): void {
    this.#start('kube-scheduler', [
      `--kubeconfig=${this.kubeconfig}`,
      '--leader-elect=false',
      '--secure-port=0',
    ])
  }

  #start(name: string, args: readonly string[]): ClusterProcess {
    const program = ClusterProcess.start(name, this.place, args)
    this.#running.set(name, program)
    return program
  }

  async #askEtcd(path: string, body: unknown): Promise<{ header?: { revision?: string } }> {
    const url = `http://127.0.0.1:${this.#ports.etcd}${path}`
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
    const text = await response.text()
    if (!response.ok) throw new Error(`etcd refused ${path}: ${text}`)
    return JSON.parse(text)
  }
}

/** Dual stack; Services are of the first family unless they ask for more. */
const SERVICE_RANGE = '10.96.0.0/16,fd00:96::/108'
const FIRST_SERVICE_IP = '10.96.0.1'
