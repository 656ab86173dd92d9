import { KubeClient } from '../../../src/kube/client.ts'
import { Reflector } from '../../../src/kube/reflector.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { eventually } from '../../support/eventually.ts'
import { type ScriptedApi, things } from './scripted-api.ts'

/** A reflector of a scripted API, and what a listener knows who only ever heard its changes. */
export class Following {
  readonly reflector: Reflector<number>
  readonly heard = new Map<string, number>()
  /** How many changes came each time. */
  readonly batches: number[] = []
  readonly #api: ScriptedApi
  readonly #client: KubeClient

  constructor(api: ScriptedApi, livenessMs = 5_000) {
    this.#api = api
    const options = { access: api.access, userAgent: 'test', qps: 0, burst: 0 }
    this.#client = new KubeClient({ ...options, requestTimeoutMs: livenessMs })
    this.reflector = new Reflector<number>({
      client: this.#client,
      collection: things,
      decode: ({ written }, before) => (typeof written.value === 'number' ? written.value : before),
      onChanges: (changes) => {
        this.batches.push(changes.length)
        for (const { key, value } of changes) {
          const name = key.slice('default/'.length)
          if (value === undefined) this.heard.delete(name)
          else this.heard.set(name, value)
        }
      },
      log: silentLogger,
      backoff: { firstMs: 2, maxMs: 20 },
      livenessMs,
    })
  }

  /** Waits until the listener knows what the server has, and the reflector is still. */
  whenEqual(limitMs = 5_000): Promise<true> {
    return eventually(() => {
      const [heard, kept, wanted] = [this.heard, this.#kept, this.#api.objects].map((map) =>
        JSON.stringify([...map].sort()),
      )
      if (heard !== wanted || kept !== wanted) throw new Error(`heard ${heard}, kept ${kept}, not ${wanted}`)
      return this.reflector.synced ? true : undefined
    }, limitMs)
  }

  async close(): Promise<void> {
    await this.reflector.close()
    this.#client.close()
  }

  get #kept(): ReadonlyMap<string, number> {
    return new Map([...this.reflector.objects].map(([key, value]) => [key.slice('default/'.length), value]))
  }
}
