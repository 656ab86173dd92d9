import type { Container } from '../../model/pod.ts'
import { type Backoff, backoffDelay } from '../../util/backoff.ts'
import type { Clock } from '../../util/clock.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { CriClient } from '../runtime/cri-client.ts'
import { isRuntimeAway, RuntimeError } from '../runtime/runtime-error.ts'

/** The kubelet's own. */
const PULL_BACKOFF: Backoff = { firstMs: 10_000, maxMs: 300_000 }

export type ImageReason = 'ErrImagePull' | 'ImagePullBackOff' | 'ErrImageNeverPull' | 'ImageInspectError'

/** An image that is not there. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
  /** As kubectl shows it. */
  readonly code: ImageReason
  /** ms since the epoch: asking again earlier gives the same answer. */
  readonly retryAt: number
  /** Failures in a row. */
  readonly failures: number

  constructor(code: ImageReason, message: string, retryAt: number, failures: number) {
    super(message)
    this.code = code
    this.retryAt = retryAt
    this.failures = failures
  }
}

interface Pulls {
  failures: number
  retryAt: number
  message: string
}

/**
 * The runtime's images. Different images are pulled at the same time; the same one is pulled once for all who wait for
 * it, and its back-off holds for all of them too.
 */
export class ImageStore {
  readonly #client: CriClient
  readonly #clock: Clock
  /** IDs by name: an image that was there is taken to be still there until someone {@link forget}s it. */
  readonly #present = new Map<string, string>()
  readonly #pulling = new Map<string, Promise<string>>()
  readonly #failed = new Map<string, Pulls>()

  constructor(client: CriClient, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  /** Resolves with the image's ID. Throws an {@link ImageError}, or a RuntimeError when the runtime is away. */
  async ensure({ image, imagePullPolicy }: Container): Promise<string> {
    if (imagePullPolicy !== 'Always') {
      const present = this.#present.get(image) ?? (await this.#inspect(image))
      if (present !== undefined) return present
    }
    if (imagePullPolicy === 'Never') {
      const message = `image ${image} is not on this node, and its pull policy is Never (import or pull it beforehand)`
      const failures = (this.#failed.get(image)?.failures ?? 0) + 1
      throw this.#fail(image, 'ErrImageNeverPull', message, failures)
    }
    return this.#pulling.get(image) ?? this.#pullOnce(image)
  }

  /** The runtime said that it has no such image, whatever we remember. */
  forget(image: string): void {
    this.#present.delete(image)
  }

  async #inspect(image: string): Promise<string | undefined> {
    try {
      const found = await this.#client.imageStatus(image)
      if (found !== undefined) this.#remember(image, found.id)
      return found?.id
    } catch (error) {
      if (isRuntimeAway(error)) throw error
      throw this.#fail(image, 'ImageInspectError', `asking for image ${image}: ${describe(error)}`, 1)
    }
  }

  #pullOnce(image: string): Promise<string> {
    const pulling = this.#pull(image).finally(() => this.#pulling.delete(image))
    this.#pulling.set(image, pulling)
    return pulling
  }

  async #pull(image: string): Promise<string> {
    try {
      const failed = this.#failed.get(image)
      if (failed !== undefined && failed.retryAt > this.#clock.now()) {
        throw new ImageError('ImagePullBackOff', failed.message, failed.retryAt, failed.failures)
      }
      const id = await this.#client.pullImage(image)
      this.#remember(image, id)
      return id
    } catch (error) {
      if (error instanceof ImageError || isRuntimeAway(error)) throw error
      const failures = (this.#failed.get(image)?.failures ?? 0) + 1
      const message = `pulling image ${image}: ${describe(error)}`
      throw this.#fail(image, failures === 1 ? 'ErrImagePull' : 'ImagePullBackOff', message, failures)
    }
  }

  #remember(image: string, id: string): void {
    this.#present.set(image, id)
    this.#failed.delete(image)
  }

  #fail(image: string, code: ImageReason, message: string, failures: number): ImageError {
    const retryAt = this.#clock.now() + backoffDelay(PULL_BACKOFF, failures)
    this.#failed.set(image, { failures, retryAt, message })
    return new ImageError(code, message, retryAt, failures)
  }
}

const describe = (error: unknown): string =>
  error instanceof RuntimeError ? error.detail : errorMessage(error)
