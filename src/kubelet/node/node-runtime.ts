import type { StatusResponse } from '../../gen/runtime.ts'
import { CriClient } from '../runtime/cri-client.ts'
import { type NodeImage, nodeImages } from './node-images.ts'
import type { RuntimeDescription } from './node-object.ts'

/** What a node asks of its runtime besides its pods: on a connection of its own, also while no kubelet is there yet. */
export class NodeRuntime {
  readonly #client: CriClient
  #version = ''
  /** When it is back it may be another version, with other settings. */
  #wasAway = true
  #imageFolder: string | undefined
  #status: StatusResponse | undefined

  /** `endpoint` is `unix:///absolute/path.sock`. */
  constructor(endpoint: string) {
    this.#client = new CriClient(endpoint, () => undefined)
  }

  /** As it last said. */
  get description(): RuntimeDescription {
    const { runtimeHandlers = [], features } = this.#status ?? {}
    return { version: this.#version, handlers: runtimeHandlers, features }
  }

  /** On the file system that images lie on; undefined while that is not known. */
  get imageFolder(): string | undefined {
    return this.#imageFolder
  }

  /** CRI Status. Rejects with a RuntimeError. */
  async status(): Promise<StatusResponse> {
    try {
      const status = await this.#client.status()
      if (this.#wasAway) await this.#ask()
      this.#wasAway = false
      this.#status = status
      return status
    } catch (error) {
      this.#wasAway = true
      throw error
    }
  }

  async images(): Promise<readonly NodeImage[]> {
    return nodeImages(await this.#client.listImages())
  }

  close(): void {
    this.#client.close()
  }

  async #ask(): Promise<void> {
    const { runtimeName, runtimeVersion } = await this.#client.version()
    // Not every runtime says where it keeps images; the node's own disk is looked at in any case.
    const [folder] = await this.#client.imageFolders().catch(() => [])
    this.#imageFolder = folder
    this.#version = `${runtimeName}://${runtimeVersion}`
  }
}
