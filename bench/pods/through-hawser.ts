import { Kubelet, type PodNews } from '../../src/kubelet/kubelet.ts'
import { createRegistry } from '../../src/metrics/registry.ts'
import type { Pod } from '../../src/model/pod.ts'
import type { PodStatus } from '../../src/model/pod-status.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { BenchError } from '../error.ts'
import type { PodStarter } from './starter.ts'

/** A pod that has not come up in this time never will: a hundred times what one takes, as a deadline in ms. */
const startDeadlineMs = 60_000

/** Pods the way a source of manifests brings them: as changes of the model, through the kubelet. */
export class ThroughHawser implements PodStarter {
  readonly #kubelet: Kubelet

  private constructor(kubelet: Kubelet) {
    this.#kubelet = kubelet
  }

  static async open(endpoint: string, stateDir: string): Promise<ThroughHawser> {
    const kubelet = await Kubelet.open({
      endpoint,
      stateDir,
      nodeName: 'bench',
      nodeAddresses: [],
      registry: createRegistry('bench'),
      log: silentLogger,
    })
    kubelet.ready()
    return new ThroughHawser(kubelet)
  }

  async start(pod: Pod): Promise<void> {
    const running = this.#news(pod, (news) => 'phase' in news && runs(news), 'run')
    this.#kubelet.apply([{ kind: 'Pod', name: pod.name, object: pod }])
    await running
  }

  async remove(pod: Pod): Promise<void> {
    const removed = this.#news(pod, (news) => 'removed' in news, 'go')
    this.#kubelet.apply([{ kind: 'Pod', name: pod.name, object: undefined }])
    await removed
  }

  async close(): Promise<void> {
    await this.#kubelet.removeAll(0)
    await this.#kubelet.close()
  }

  /** Resolves at the first news of the pod that are what is waited for. */
  #news(pod: Pod, wanted: (news: PodNews) => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      let last = 'no status yet'
      const timer = setTimeout(() => {
        stop()
        reject(new BenchError('BENCH_FAILED', `pod ${pod.name} did not ${what} in time: ${last}`))
      }, startDeadlineMs)
      const stop = this.#kubelet.onStatus((news) => {
        if (news.uid !== pod.uid) return
        if ('phase' in news) last = `${news.reason} ${news.message}`
        if (!wanted(news)) return
        clearTimeout(timer)
        stop()
        resolve()
      })
    })
  }
}

const runs = (status: PodStatus): boolean =>
  status.containers.length > 0 && status.containers.every(({ state }) => state.kind === 'running')
