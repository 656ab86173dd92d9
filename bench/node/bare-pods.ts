import type { Pod } from '../../src/model/pod.ts'
import { BareCri } from '../pods/bare-cri.ts'
import { benchPod } from '../pods/bench-pod.ts'
import type { Contestant } from './contest.ts'

/** The floor: the calls that no kubelet can do without, for as many pods, on the runtime of Hawser's node. */
export class BarePods implements Contestant {
  readonly name = 'floor'
  readonly #cri: BareCri
  readonly #pods = new Map<string, Pod>()

  constructor(endpoint: string, options: { readonly stateDir: string; readonly cgroupRoot: string }) {
    this.#cri = new BareCri(endpoint, options)
  }

  async start(names: readonly string[]): Promise<number> {
    const pods = names.map((name) => [name, benchPod(name)] as const)
    for (const [name, pod] of pods) this.#pods.set(name, pod)
    const began = performance.now()
    await Promise.all(pods.map(([, pod]) => this.#cri.start(pod)))
    return performance.now() - began
  }

  async remove(names: readonly string[]): Promise<void> {
    const pods = names.map((name) => this.#pods.get(name)).filter((pod) => pod !== undefined)
    await Promise.all(pods.map((pod) => this.#cri.remove(pod)))
    for (const name of names) this.#pods.delete(name)
  }

  writes(): Promise<number> {
    return Promise.resolve(0)
  }

  close(): Promise<void> {
    return this.#cri.close()
  }
}
