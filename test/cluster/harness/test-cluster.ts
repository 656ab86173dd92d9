import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { kubeconfigAccess } from '../../../src/kube/access/kubeconfig.ts'
import { KubeClient } from '../../../src/kube/client.ts'
import { isRecord } from '../../../src/kube/kube-object.ts'
import { eventually } from '../../support/eventually.ts'
import { clusterBinaries } from '../binaries.ts'
import { type Certificate, CertificateAuthority } from './certificates.ts'
import { ClusterNetwork } from './cluster-network.ts'
import {
  apiServerFlags,
  type ControlPlane,
  controllerManagerFlags,
  etcdFlags,
  FIRST_SERVICE_IP,
  schedulerFlags,
} from './control-plane-flags.ts'
import { FOLDER_PREFIX, noteRun } from './former-runs.ts'
import { grantToNodes, KUBELET_CLIENT } from './grants.ts'
import { writeKubeconfig } from './kubeconfig-file.ts'
import { LoopbackGate } from './loopback-gate.ts'
import { freePorts } from './ports.ts'
import { ClusterProcess, type ProcessPlace } from './process.ts'
import { serviceAccountToken } from './service-account-token.ts'

export interface TestClusterOptions {
  /** Endpoints and service accounts only appear where it runs. */
  readonly controllerManager?: boolean
  readonly scheduler?: boolean
  /**
   * An address of this machine that is not loopback: the API server listens on it too and serves the Service
   * `kubernetes` from there, for pods to reach it, and asks kubelets as one whom the cluster's authority vouches for.
   */
  readonly advertiseAddress?: string
  /**
   * A network of its own, for nodes to be plugged into (`TestNode`). The control plane runs in it; on loopback of this
   * process's own namespace it is reached all the same.
   */
  readonly network?: boolean
  /** Flags of kube-apiserver beside those that a cluster needs. */
  readonly serverFlags?: readonly string[]
  /** The same of kube-controller-manager. */
  readonly managerFlags?: readonly string[]
}

export interface KubectlResult {
  readonly stdout: string
  readonly stderr: string
}

/** What of the cluster goes with it. */
interface Belongings {
  readonly network: ClusterNetwork | undefined
  readonly gate: LoopbackGate | undefined
}

/**
 * A real control plane: etcd and kube-apiserver with RBAC, on demand kube-controller-manager and kube-scheduler, on
 * loopback or in a network of its own. Everything of it lies in one folder that goes with it.
 */
export class TestCluster {
  readonly place: ProcessPlace
  /** Path of a kubeconfig with every right. */
  readonly kubeconfig: string
  /** A client with every right and no rate limit. */
  readonly admin: KubeClient
  readonly #authority: CertificateAuthority
  readonly #plane: ControlPlane
  readonly #belongings: Belongings
  readonly #running = new Map<string, ClusterProcess>()

  private constructor(
    place: ProcessPlace,
    authority: CertificateAuthority,
    plane: ControlPlane,
    belongings: Belongings,
    admin: KubeClient,
  ) {
    this.place = place
    this.kubeconfig = plane.kubeconfig
    this.admin = admin
    this.#authority = authority
    this.#plane = plane
    this.#belongings = belongings
  }

  /** Starts the control plane; resolves when it takes objects. Builds the programs when there are none. */
  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const place = { binaries: await clusterBinaries(), folder: await mkdtemp(join(tmpdir(), FOLDER_PREFIX)) }
    const network = options.network ? await ClusterNetwork.create() : undefined
    if (network !== undefined) await noteRun(place.folder, network.netns.path)
    let cluster: TestCluster | undefined
    try {
      cluster = await TestCluster.#prepare(place, options, network)
      await cluster.#startEtcd()
      await cluster.startApiServer()
      if (cluster.#plane.advertised !== undefined) await grantToNodes(cluster.admin)
      if (options.controllerManager) cluster.#start('kube-controller-manager', controllerManagerFlags)
      if (options.scheduler) cluster.#start('kube-scheduler', schedulerFlags)
      if (options.controllerManager) await cluster.#whenPodsAreTaken()
      return cluster
    } catch (error) {
      await (cluster ?? network)?.dispose()
      await rm(place.folder, { recursive: true, force: true })
      throw error
    }
  }

  static async #prepare(
    place: ProcessPlace,
    { advertiseAddress, serverFlags = [], managerFlags = [] }: TestClusterOptions,
    network: ClusterNetwork | undefined,
  ): Promise<TestCluster> {
    const { folder } = place
    const advertised = network?.address ?? advertiseAddress
    const authority = await CertificateAuthority.create(folder)
    const names = ['IP:127.0.0.1', 'DNS:localhost', 'DNS:kubernetes.default.svc', `IP:${FIRST_SERVICE_IP}`]
    if (advertised !== undefined) names.push(`IP:${advertised}`)
    const [serving, admin, kubeletClient, tokens] = await Promise.all([
      authority.server('kube-apiserver', names),
      authority.client('hawser-test-admin', ['system:masters']),
      authority.client(KUBELET_CLIENT),
      authority.keyPair('service-account'),
    ])
    // Within, the ports are the same: what a kubeconfig says is right on both sides.
    const gate = network === undefined ? undefined : await LoopbackGate.open(network.netns.path, [{}, {}, {}])
    const [etcd = 0, server = 0, etcdPeer = 0] = gate?.ports ?? (await freePorts(3))
    const kubeconfig = await writeKubeconfig(join(folder, 'admin.kubeconfig'), {
      cluster: { server: `https://127.0.0.1:${server}`, 'certificate-authority': authority.cert },
      user: { 'client-certificate': admin.cert, 'client-key': admin.key },
    })
    const client = new KubeClient({
      access: await kubeconfigAccess({ file: kubeconfig }),
      userAgent: 'hawser-test',
      qps: 0,
      burst: 0,
    })
    const ports = { etcd, etcdPeer, server }
    const keys = { authority: authority.cert, serving, kubeletClient, tokens }
    const plane = { folder, ports, ...keys, kubeconfig, advertised, serverFlags, managerFlags }
    return new TestCluster(place, authority, plane, { network, gate }, client)
  }

  get server(): string {
    return `https://127.0.0.1:${this.#plane.ports.server}`
  }

  get serverPort(): number {
    return this.#plane.ports.server
  }

  /** Where nodes are plugged in. Throws for a control plane on loopback. */
  get network(): ClusterNetwork {
    const { network } = this.#belongings
    if (network === undefined) throw new Error('only TestCluster.start({ network: true }) has a network')
    return network
  }

  /** Path of the authority that signed the server's certificate. */
  get authority(): string {
    return this.#authority.cert
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
    return this.#authority.client(user, groups)
  }

  /** Makes the account when there is none, and signs a token of it that is good for `seconds`. */
  async serviceAccountToken(namespace: string, name: string, seconds: number): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`
    const account =
      (await this.admin.json({ path: `${path}/${name}` }).catch(() => undefined)) ??
      (await this.admin.json({ method: 'POST', path, body: { metadata: { name } } }))
    const metadata = isRecord(account) && isRecord(account.metadata) ? account.metadata : {}
    const uid = String(metadata.uid)
    return serviceAccountToken(this.#plane.tokens.private, { namespace, name, uid }, seconds)
  }

  /** Runs kubectl with every right; rejects with what it said when it fails. `input` is what it reads. */
  async kubectl(args: readonly string[], input?: string): Promise<KubectlResult> {
    const program = join(this.place.binaries, 'kubectl')
    const running = promisify(execFile)(program, [`--kubeconfig=${this.kubeconfig}`, ...args], {
      maxBuffer: KUBECTL_OUTPUT_BYTES,
    })
    running.child.stdin?.end(input ?? '')
    return running
  }

  /** Starts the API server on the port that it always has; resolves when it is ready. */
  async startApiServer(): Promise<void> {
    const program = this.#start('kube-apiserver', apiServerFlags)
    await program.whenReady(async () => {
      await this.admin.json({ path: '/api/v1/namespaces/default' })
      const response = await this.admin.stream({ path: '/readyz' })
      response.resume()
      return response.statusCode === 200
    })
  }

  /** As an upgrade does it, or as a crash does. */
  async stopApiServer(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.#running.get('kube-apiserver')?.stop(signal, API_SERVER_GRACE_MS)
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
    await this.#belongings.gate?.close()
    await this.#belongings.network?.dispose()
    await rm(this.place.folder, { recursive: true, force: true })
  }

  async #startEtcd(): Promise<void> {
    const health = `http://127.0.0.1:${this.#plane.ports.etcd}/health`
    await this.#start('etcd', etcdFlags).whenReady(
      async () => (await fetch(health, { signal: AbortSignal.timeout(HEALTH_MS) })).ok,
    )
  }

  /** A pod is refused until the controller manager has made its namespace's service account. */
  async #whenPodsAreTaken(): Promise<void> {
    const path = '/api/v1/namespaces/default/serviceaccounts/default'
    await eventually(() => this.admin.json({ path }), ACCOUNT_MS)
  }

  #start(name: string, flags: (plane: ControlPlane) => readonly string[]): ClusterProcess {
    const netns = this.#belongings.network?.netns.path
    const where = netns === undefined ? {} : { netns }
    const program = ClusterProcess.start(name, this.place, flags(this.#plane), where)
    this.#running.set(name, program)
    return program
  }

  async #askEtcd(path: string, body: unknown): Promise<{ header?: { revision?: string } }> {
    const url = `http://127.0.0.1:${this.#plane.ports.etcd}${path}`
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
    const text = await response.text()
    if (!response.ok) throw new Error(`etcd refused ${path}: ${text}`)
    return JSON.parse(text)
  }
}

/** A server that is about to start may take a connection and never answer on it. */
const HEALTH_MS = 2_000
/** It would wait a minute for whoever watches. */
const API_SERVER_GRACE_MS = 5_000
/** The controller manager is started by then on any machine. */
const ACCOUNT_MS = 60_000
/** Lists of a full cluster. */
const KUBECTL_OUTPUT_BYTES = 256 * 1024 * 1024
