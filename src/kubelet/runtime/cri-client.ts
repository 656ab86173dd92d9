import { Client, type ClientReadableStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { type Envelope, EventsService as Events } from '../../gen/events.ts'
import {
  type AuthConfig,
  type Container,
  type ContainerConfig,
  type ContainerEventResponse,
  type ContainerStatus,
  type ExecSyncResponse,
  type Image,
  ImageServiceService as Images,
  type PodSandbox,
  type PodSandboxConfig,
  type PodSandboxStatus,
  RuntimeServiceService as Runtime,
  type StatusResponse,
  type VersionResponse,
} from '../../gen/runtime.ts'
import { RuntimeError, runtimeErrorOf } from './runtime-error.ts'

/** Deadlines in ms. Generous: a loaded machine needs several times what an idle one does, a hung call needs an end. */
const DEADLINE = {
  read: 30_000,
  change: 120_000,
  /** Includes the pod network's plugins and whatever they wait for. */
  sandbox: 240_000,
  pull: 1_800_000,
} as const

/** containerd caps what ExecSync returns at 16 MiB a stream; grpc-js refuses more than 4 MiB unless told otherwise. */
const MAX_MESSAGE_BYTES = 36 << 20

/** What ts-proto generates for a call that is answered once. */
interface Unary<Request, Response> {
  readonly path: string
  readonly requestSerialize: (request: Request) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => Response
}

export type ObserveOperation = (operation: string, seconds: number, failed: boolean) => void

/** What of a process a session carries. With a terminal there is no stderr. */
export interface StreamSelection {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

/** Labels that sandboxes and containers must carry to be listed. */
export type LabelSelector = Readonly<Record<string, string>>

/**
 * CRI v1 over a unix socket, one method a call that Hawser makes. Every call has a deadline, is counted, and rejects
 * with a {@link RuntimeError}. Connections are made and remade by grpc-js; a call while there is none fails at once.
 */
export class CriClient {
  readonly endpoint: string
  readonly #client: Client
  readonly #observe: ObserveOperation

  /** `endpoint` is `unix:///absolute/path.sock`. */
  constructor(endpoint: string, observe: ObserveOperation) {
    this.endpoint = endpoint
    this.#observe = observe
    this.#client = new Client(endpoint, credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2_000,
    })
  }

  version(): Promise<VersionResponse> {
    return this.#call('version', '', DEADLINE.read, Runtime.version, { version: 'v1' })
  }

  status(): Promise<StatusResponse> {
    return this.#call('status', '', DEADLINE.read, Runtime.status, {})
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<string> {
    const pod = `${config.metadata?.namespace}/${config.metadata?.name}`
    const made = await this.#call('run_podsandbox', pod, DEADLINE.sandbox, Runtime.runPodSandbox, { config })
    return made.podSandboxId
  }

  async stopPodSandbox(id: string): Promise<void> {
    await this.#call('stop_podsandbox', id, DEADLINE.sandbox, Runtime.stopPodSandbox, { podSandboxId: id })
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.#call('remove_podsandbox', id, DEADLINE.change, Runtime.removePodSandbox, { podSandboxId: id })
  }

  async podSandboxStatus(id: string): Promise<PodSandboxStatus> {
    const request = { podSandboxId: id }
    const { status } = await this.#call(
      'podsandbox_status',
      id,
      DEADLINE.read,
      Runtime.podSandboxStatus,
      request,
    )
    if (status === undefined) throw this.#emptyAnswer('podsandbox_status', id)
    return status
  }

  async listPodSandboxes(labelSelector: LabelSelector): Promise<readonly PodSandbox[]> {
    const request = { filter: { labelSelector } }
    return (await this.#call('list_podsandbox', '', DEADLINE.read, Runtime.listPodSandbox, request)).items
  }

  async createContainer(
    podSandboxId: string,
    config: ContainerConfig,
    sandboxConfig: PodSandboxConfig,
  ): Promise<string> {
    const request = { podSandboxId, config, sandboxConfig }
    const name = config.metadata?.name ?? ''
    return (await this.#call('create_container', name, DEADLINE.change, Runtime.createContainer, request))
      .containerId
  }

  async startContainer(containerId: string): Promise<void> {
    await this.#call('start_container', containerId, DEADLINE.change, Runtime.startContainer, { containerId })
  }

  /** SIGTERM, `graceSeconds` later SIGKILL; resolves when the container has ended. */
  async stopContainer(containerId: string, graceSeconds: number): Promise<void> {
    const request = { containerId, timeout: BigInt(graceSeconds) }
    const deadline = DEADLINE.change + graceSeconds * 1_000
    await this.#call('stop_container', containerId, deadline, Runtime.stopContainer, request)
  }

  async removeContainer(containerId: string): Promise<void> {
    await this.#call('remove_container', containerId, DEADLINE.change, Runtime.removeContainer, {
      containerId,
    })
  }

  async listContainers(labelSelector: LabelSelector): Promise<readonly Container[]> {
    const request = { filter: { labelSelector } }
    return (await this.#call('list_containers', '', DEADLINE.read, Runtime.listContainers, request))
      .containers
  }

  async containerStatus(containerId: string): Promise<ContainerStatus> {
    const request = { containerId }
    const answer = await this.#call(
      'container_status',
      containerId,
      DEADLINE.read,
      Runtime.containerStatus,
      request,
    )
    if (answer.status === undefined) throw this.#emptyAnswer('container_status', containerId)
    return answer.status
  }

  /** Runs `command` to its end; the runtime ends it after `timeoutMs`, counted in whole seconds. */
  execSync(containerId: string, command: readonly string[], timeoutMs: number): Promise<ExecSyncResponse> {
    const request = { containerId, cmd: [...command], timeout: BigInt(Math.ceil(timeoutMs / 1_000)) }
    return this.#call('exec_sync', containerId, DEADLINE.read + timeoutMs, Runtime.execSync, request)
  }

  /** Where the runtime serves a session in the container: a URL that is good for one connection, within seconds. */
  async exec(containerId: string, command: readonly string[], streams: StreamSelection): Promise<string> {
    const request = { containerId, cmd: [...command], ...streams }
    return (await this.#call('exec', containerId, DEADLINE.read, Runtime.exec, request)).url
  }

  /** As {@link exec}, with the container's own process. */
  async attach(containerId: string, streams: StreamSelection): Promise<string> {
    const request = { containerId, ...streams }
    return (await this.#call('attach', containerId, DEADLINE.read, Runtime.attach, request)).url
  }

  /** As {@link exec}, to ports of the sandbox; none: the session itself names them. */
  async portForward(podSandboxId: string, ports: readonly number[]): Promise<string> {
    const request = { podSandboxId, port: [...ports] }
    return (await this.#call('port_forward', podSandboxId, DEADLINE.read, Runtime.portForward, request)).url
  }

  /** The image as the runtime has it, or undefined when it has none of that name. */
  async imageStatus(image: string): Promise<Image | undefined> {
    return (await this.#call('image_status', image, DEADLINE.read, Images.imageStatus, { image: { image } }))
      .image
  }

  /** `auth` is shown to the image's registry; undefined: the runtime's own, or nothing. */
  async pullImage(image: string, auth?: AuthConfig): Promise<string> {
    const request = { image: { image }, auth }
    return (await this.#call('pull_image', image, DEADLINE.pull, Images.pullImage, request)).imageRef
  }

  async listImages(): Promise<readonly Image[]> {
    return (await this.#call('list_images', '', DEADLINE.read, Images.listImages, {})).images
  }

  /** Folders on the file systems that hold images. */
  async imageFolders(): Promise<readonly string[]> {
    const { imageFilesystems } = await this.#call('image_fs_info', '', DEADLINE.read, Images.imageFsInfo, {})
    return imageFilesystems.map(({ fsId }) => fsId?.mountpoint ?? '').filter((folder) => folder !== '')
  }

  /** containerd's own events; `filters` in its syntax. The stream fails when the connection does. */
  subscribe(filters: string[]): ClientReadableStream<Envelope> {
    return this.#stream(Events.subscribe, { filters })
  }

  /** CRI's events, for runtimes other than containerd. */
  containerEvents(): ClientReadableStream<ContainerEventResponse> {
    return this.#stream(Runtime.getContainerEvents, {})
  }

  close(): void {
    this.#client.close()
  }

  #call<Request, Response>(
    operation: string,
    target: string,
    deadlineMs: number,
    method: Unary<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const started = performance.now()
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + deadlineMs }
      const { path, requestSerialize, responseDeserialize } = method
      const answered = (error: ServiceError | null, response?: Response) => {
        this.#observe(operation, (performance.now() - started) / 1_000, error !== null)
        if (error !== null) reject(runtimeErrorOf(error, operation, target, this.endpoint))
        else if (response === undefined) reject(this.#emptyAnswer(operation, target))
        else resolve(response)
      }
      const metadata = new Metadata()
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        answered,
      )
    })
  }

  #stream<Request, Response>(method: Unary<Request, Response>, request: Request) {
    const { path, requestSerialize, responseDeserialize } = method
    return this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request)
  }

  #emptyAnswer(operation: string, target: string): RuntimeError {
    const message = `${operation} of ${target} at ${this.endpoint}: the answer is empty`
    return new RuntimeError('RUNTIME_REFUSED', operation, 'empty answer', message)
  }
}
