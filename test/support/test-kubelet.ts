import { Registry } from 'prom-client'
import type { PodEventReport } from '../../src/kubelet/events/pod-event-report.ts'
import { Kubelet, type KubeletOptions, type PodNews } from '../../src/kubelet/kubelet.ts'
import type { ConfigKind, ConfigObject } from '../../src/model/config-object.ts'
import type { ObjectName } from '../../src/model/object-name.ts'
import type { Pod } from '../../src/model/pod.ts'
import type { PodStatus } from '../../src/model/pod-status.ts'
import { parseAddress } from '../../src/util/address.ts'
import type { Clock } from '../../src/util/clock.ts'
import { silentLogger } from '../../src/util/logger.ts'
import type { TestContainerd } from './containerd.ts'

/** A Kubelet with what a test asks of it. */
export class TestKubelet {
  readonly kubelet: Kubelet
  readonly registry: Registry
  readonly news: PodNews[] = []
  /** What was said of pods, in order. */
  readonly events: PodEventReport[]
  readonly #waiting = new Set<() => void>()

  private constructor(kubelet: Kubelet, registry: Registry, events: PodEventReport[]) {
    this.kubelet = kubelet
    this.events = events
    this.registry = registry
    kubelet.onStatus((news) => {
      this.news.push(news)
      for (const check of this.#waiting) check()
    })
  }

  static async open(
    machine: TestContainerd,
    clock?: Clock,
    options?: Partial<KubeletOptions>,
  ): Promise<TestKubelet> {
    const registry = new Registry()
    const events: PodEventReport[] = []
    const address = parseAddress('192.0.2.1')
    const kubelet = await Kubelet.open({
      endpoint: machine.containerd.endpoint,
      stateDir: machine.stateDir,
      nodeName: 'test-node',
      nodeAddresses: address === undefined ? [] : [address],
      registry,
      log: silentLogger,
      onEvent: (event) => events.push(event),
      ...(clock === undefined ? {} : { clock }),
      ...options,
    })
    return new TestKubelet(kubelet, registry, events)
  }

  set(...pods: readonly Pod[]): void {
    this.kubelet.apply(pods.map((pod) => ({ kind: 'Pod', name: pod.name, object: pod })))
  }

  unset(...pods: readonly Pod[]): void {
    this.kubelet.apply(pods.map(({ name }) => ({ kind: 'Pod', name, object: undefined })))
  }

  setConfigMap(name: ObjectName, data: Record<string, string>): void {
    this.#setConfig('ConfigMap', name, new Map(Object.entries(data)))
  }

  setSecret(name: ObjectName, data: Record<string, string>): void {
    this.#setConfig(
      'Secret',
      name,
      new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)])),
    )
  }

  #setConfig(kind: ConfigKind, name: ObjectName, data: ConfigObject['data']): void {
    this.kubelet.apply([{ kind, name, object: { kind, name, data } }])
  }

  status(pod: Pod): PodStatus | undefined {
    return this.kubelet.statuses().find(({ uid }) => uid === pod.uid)
  }

  /** Resolves with the first status of the pod that `matches`, from now on. */
  async waitFor(pod: Pod, matches: (status: PodStatus) => boolean, limitMs = 30_000): Promise<PodStatus> {
    return this.#wait(
      () => {
        const status = this.status(pod)
        return status !== undefined && matches(status) ? status : undefined
      },
      () => `pod ${pod.name} is ${JSON.stringify(this.status(pod))}`,
      limitMs,
    )
  }

  running(pod: Pod): Promise<PodStatus> {
    return this.waitFor(pod, ({ ready }) => ready)
  }

  async gone(pod: Pod, limitMs = 30_000): Promise<void> {
    const isGone = () => (this.status(pod) === undefined ? true : undefined)
    await this.#wait(isGone, () => `pod ${pod.name} is still there`, limitMs)
  }

  /** What a command in a running container prints. */
  async output(pod: Pod, command: string, container = 'main'): Promise<string> {
    const { exitCode, stdout, stderr } = await this.kubelet.execSync(
      pod.name,
      container,
      ['sh', '-c', command],
      10_000,
    )
    if (exitCode !== 0) throw new Error(`${command}: exit code ${exitCode}: ${stderr}`)
    return stdout.trim()
  }

  #wait<Value>(look: () => Value | undefined, describe: () => string, limitMs: number): Promise<Value> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(check)
        reject(new Error(`after ${limitMs} ms ${describe()}`))
      }, limitMs)
      const check = () => {
        const value = look()
        if (value === undefined) return
        clearTimeout(timer)
        this.#waiting.delete(check)
        resolve(value)
      }
      this.#waiting.add(check)
      check()
    })
  }
}
