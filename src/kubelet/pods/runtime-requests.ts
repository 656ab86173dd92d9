import type { ContainerConfig, PodSandboxConfig } from '../../gen/runtime.ts'
import type { ConfigLookup } from '../../model/config-object.ts'
import type { Container, Pod, ResourceAmounts } from '../../model/pod.ts'
import type { IpAddress } from '../../util/address.ts'
import type { CriClient } from '../runtime/cri-client.ts'
import { CONFIG_SOURCE, isStatic } from '../runtime/labels.ts'
import type { SandboxRecord } from '../runtime/records.ts'
import type { KnownServices } from '../services.ts'
import type { PodVolumes } from '../volumes/pod-volumes.ts'
import { ContainerConfigError, MissingConfigError } from './config-error.ts'
import { type CriContext, containerConfig, sandboxConfig } from './cri-config.ts'
import { containerEnvironment } from './environment.ts'
import { rootRefusal } from './non-root.ts'
import { type DnsContext, type DnsWarning, podDns } from './pod-dns.ts'

export interface RuntimeRequestsOptions {
  readonly client: CriClient
  readonly volumes: PodVolumes
  readonly context: CriContext
  readonly nodeName: string
  readonly nodeAddresses: readonly IpAddress[]
  readonly config: ConfigLookup
  readonly services: KnownServices
  /** How names are looked up now: the node's own way may change while it runs. */
  readonly dns: () => Promise<DnsContext>
  /** What the node has for pods. */
  readonly node: ResourceAmounts
}

/** One run of a container that is to be made. */
export interface ContainerToMake {
  readonly sandbox: SandboxRecord
  readonly container: Container
  readonly attempt: number
  readonly restartDelayMs: number
  readonly imageId: string
}

/** What the runtime is asked for: pods as the CRI has them, with all that they refer to looked up and made. */
export class RuntimeRequests {
  readonly #options: RuntimeRequestsOptions

  constructor(options: RuntimeRequestsOptions) {
    this.#options = options
  }

  async sandbox(
    pod: Pod,
    attempt: number,
  ): Promise<{ readonly config: PodSandboxConfig; readonly warnings: readonly DnsWarning[] }> {
    const { volumes, context } = this.#options
    const { config: dns, warnings } = podDns(pod, await this.#options.dns())
    return {
      config: sandboxConfig(pod, { attempt, logs: volumes.folderOf(pod).logs, dns }, context),
      warnings,
    }
  }

  /** Rejects with a {@link ContainerConfigError}, a {@link MissingConfigError} or a VolumeError. */
  async container(pod: Pod, run: ContainerToMake): Promise<ContainerConfig> {
    const { volumes, context, nodeAddresses } = this.#options
    const { container, attempt } = run
    const podIPs = pod.hostNetwork ? nodeAddresses : run.sandbox.ips
    await this.#refuseRoot(pod, run)
    const environment = this.#environment(pod, container, podIPs)
    const mounts = await volumes.mountsFor(pod, container, { attempt, podIPs, environment })
    return containerConfig(pod, container, { ...run, environment, mounts }, context)
  }

  async #refuseRoot(pod: Pod, { container, imageId }: ContainerToMake): Promise<void> {
    const { runAsNonRoot, runAsUser } = container.security
    if (!runAsNonRoot) return
    const image = runAsUser === undefined ? await this.#options.client.imageStatus(imageId) : undefined
    const uid = image?.uid === undefined ? undefined : Number(image.uid.value)
    const refusal = rootRefusal(pod, container, { uid, username: image?.username ?? '' })
    if (refusal !== undefined) throw new ContainerConfigError(refusal)
  }

  #environment(pod: Pod, container: Container, podIPs: readonly IpAddress[]): ReadonlyMap<string, string> {
    const { nodeName, nodeAddresses, config, services, node } = this.#options
    // A static pod may be what the API server itself runs as.
    if (!services.isComplete && !isStatic(pod.annotations.get(CONFIG_SOURCE)))
      throw new MissingConfigError('services have not yet been read at least once, cannot construct envvars')
    return containerEnvironment(pod, container, {
      nodeName,
      hostIPs: nodeAddresses,
      podIPs,
      config,
      services: services.all,
      node,
    })
  }
}
