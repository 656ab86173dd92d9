import type { AuthConfig } from '../../gen/runtime.ts'
import type { Container } from '../../model/pod.ts'
import { type Backoff, backoffDelay } from '../../util/backoff.ts'
import type { Clock } from '../../util/clock.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { CriClient } from '../runtime/cri-client.ts'
import { isRuntimeAway, RuntimeError } from '../runtime/runtime-error.ts'
import { imageNameFault } from './image-name.ts'

/** The kubelet's own. */
const PULL_BACKOFF: Backoff = { firstMs: 10_000, maxMs: 300_000 }

export type ImageReason =
  | 'ErrImagePull'
  | 'ImagePullBackOff'
  | 'ErrImageNeverPull'
  | 'ImageInspectError'
  | 'InvalidImageName'

/** An image that is not there. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
  /** As kubectl shows it. */
  readonly code: ImageReason
  /** ms since the epoch: asking again earlier gives the same answer. Undefined: as long as the name is what it is. */
  readonly retryAt: number | undefined
  /** Failures in a row. */
  readonly failures: number
  /** The runtime's word, where a pull was made just now. */
  readonly pullError: string | undefined

  constructor(
    code: ImageReason,
    message: string,
    { retryAt, failures, pullError }: Pick<ImageError, 'retryAt' | 'failures' | 'pullError'>,
  ) {
    super(message)
    this.code = code
    this.retryAt = retryAt
    this.failures = failures
    this.pullError = pullError
  }
}

/** How an image came to the node. */
export interface PulledImage {
  /** The pull itself. */
  readonly pullMs: number
  /** From the question to the answer. */
  readonly waitedMs: number
  readonly sizeBytes: bigint
}

export interface FoundImage {
  /** The runtime's own name of it. */
  readonly id: string
  /** Undefined: it was there already. */
  readonly pull: PulledImage | undefined
}

interface Pulls {
  readonly failures: number
  readonly retryAt: number
  readonly detail: string
}

type Pull = Omit<PulledImage, 'waitedMs'> & { readonly id: string }

/**
 * The runtime's images. Different images are pulled at the same time; the same one is pulled once for all who wait for
 * it, and its back-off holds for all of them too.
 */
export class ImageStore {
  readonly #client: Pick<CriClient, 'imageStatus' | 'pullImage'>
  readonly #clock: Clock
  /** IDs by name: an image that was there is taken to be still there until someone {@link forget}s it. */
  readonly #present = new Map<string, string>()
  /** By image and credentials. */
  readonly #pulling = new Map<string, Promise<Pull>>()
  /** Pulls by image and credentials, others by image. */
  readonly #failed = new Map<string, Pulls>()

  constructor(client: Pick<CriClient, 'imageStatus' | 'pullImage'>, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  /**
   * Resolves with the image, after telling `onPulling` if it has to be brought first. `credentials` are what its registry
   * may be shown, one after the other. Throws an {@link ImageError}, or a RuntimeError when the runtime is away.
   */
  async ensure(
    { image, imagePullPolicy }: Container,
    onPulling: () => void,
    credentials: readonly AuthConfig[] = [],
  ): Promise<FoundImage> {
    const fault = imageNameFault(image)
    if (fault !== undefined) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": ${fault}`
      throw new ImageError('InvalidImageName', message, {
        retryAt: undefined,
        failures: 1,
        pullError: undefined,
      })
    }
    if (imagePullPolicy !== 'Always') {
      const present = this.#present.get(image) ?? (await this.#inspect(image))
      if (present !== undefined) return { id: present, pull: undefined }
    }
    if (imagePullPolicy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`
      throw this.#missing('ErrImageNeverPull', message)
    }
    const asked = this.#clock.now()
    const { id, pullMs, sizeBytes } = await this.#pull(image, onPulling, credentials)
    return { id, pull: { pullMs, sizeBytes, waitedMs: this.#clock.now() - asked } }
  }

  /** The runtime said that it has no such image, whatever we remember. */
  forget(image: string): void {
    this.#present.delete(image)
  }

  async #inspect(image: string): Promise<string | undefined> {
    try {
      const found = await this.#client.imageStatus(image)
      if (found !== undefined) {
        this.#present.set(image, found.id)
        this.#failed.delete(image)
      }
      return found?.id
    } catch (error) {
      if (isRuntimeAway(error)) throw error
      const message = `Failed to inspect image "${image}": ${describe(error)}`
      throw this.#missing('ImageInspectError', message)
    }
  }

  /** No pull was made, and none is put off: the next look costs little. */
  #missing(code: ImageReason, message: string): ImageError {
    const retryAt = this.#clock.now() + PULL_BACKOFF.firstMs
    return new ImageError(code, message, { retryAt, failures: 1, pullError: undefined })
  }

  #pull(image: string, onPulling: () => void, credentials: readonly AuthConfig[]): Promise<Pull> {
    // Whoever may show other credentials, or none, is neither let in by these nor kept out.
    const question = JSON.stringify([image, credentials])
    const failed = this.#failed.get(question)
    const underWay = this.#pulling.get(question)
    if (underWay === undefined && failed !== undefined && failed.retryAt > this.#clock.now()) {
      const { failures, retryAt, detail } = failed
      const backOff = backOffMessage(image, detail)
      throw new ImageError('ImagePullBackOff', backOff, { retryAt, failures, pullError: undefined })
    }
    onPulling()
    if (underWay !== undefined) return underWay
    const pulling = this.#pullOnce(image, credentials, question).finally(() => this.#pulling.delete(question))
    this.#pulling.set(question, pulling)
    return pulling
  }

  async #pullOnce(image: string, credentials: readonly AuthConfig[], question: string): Promise<Pull> {
    const began = this.#clock.now()
    try {
      const id = await this.#ask(image, credentials)
      this.#present.set(image, id)
      this.#failed.delete(question)
      const pullMs = this.#clock.now() - began
      // Its size is told to people alone: a pull that worked has worked without it.
      const found = await this.#client.imageStatus(image).catch(() => undefined)
      return { id, pullMs, sizeBytes: found?.size ?? 0n }
    } catch (error) {
      if (isRuntimeAway(error)) throw error
      const detail = describe(error)
      const isFirst = (this.#failed.get(question)?.failures ?? 0) === 0
      throw isFirst
        ? this.#fail(question, 'ErrImagePull', detail, detail)
        : this.#fail(question, 'ImagePullBackOff', backOffMessage(image, detail), detail)
    }
  }

  /** The registry's last word counts. */
  async #ask(image: string, [first, ...others]: readonly AuthConfig[]): Promise<string> {
    try {
      return await this.#client.pullImage(image, first)
    } catch (error) {
      if (isRuntimeAway(error) || others.length === 0) throw error
      return this.#ask(image, others)
    }
  }

  #fail(what: string, code: ImageReason, message: string, pullError: string | undefined): ImageError {
    const failures = (this.#failed.get(what)?.failures ?? 0) + 1
    const retryAt = this.#clock.now() + backoffDelay(PULL_BACKOFF, failures)
    this.#failed.set(what, { failures, retryAt, detail: pullError ?? message })
    return new ImageError(code, message, { retryAt, failures, pullError })
  }
}

const backOffMessage = (image: string, detail: string): string =>
  `Back-off pulling image "${image}": ErrImagePull: ${detail}`

const describe = (error: unknown): string =>
  error instanceof RuntimeError ? error.detail : errorMessage(error)
