import { createHmac, randomBytes } from 'node:crypto'
import { isRecord } from '../../../kube/kube-object.ts'
import { Limit } from '../../../util/limit.ts'
import { Answers } from './answers.ts'
import { type ReviewClient, review } from './review.ts'
import { AUTHENTICATED, type User } from './user.ts'

/** Tokens that are remembered. */
const CAPACITY = 4_096
/** A token that is none may be one soon: its account was just made, or the API server just started. */
const REFUSED_MS = 10_000
/** Reviews under way: strangers with ever new tokens shall not take the API server from the node itself. */
const AT_ONCE = 16

/** Bearer tokens as the API server reviews them. */
export class Tokens {
  readonly #client: ReviewClient
  readonly #answers: Answers<User | undefined>
  readonly #limit = new Limit(AT_ONCE)
  /** Tokens are remembered by a digest that is worth nothing elsewhere. */
  readonly #secret = randomBytes(32)

  constructor(client: ReviewClient, timeToLiveMs: number, now?: () => number) {
    this.#client = client
    const timeToLive = (user: User | undefined): number =>
      user === undefined ? Math.min(REFUSED_MS, timeToLiveMs) : timeToLiveMs
    this.#answers = new Answers(CAPACITY, timeToLive, now)
  }

  /** Undefined: it is nobody's. Rejects with a RequestError `UNAVAILABLE`. */
  user(token: string): Promise<User | undefined> {
    const digest = createHmac('sha256', this.#secret).update(token).digest('base64')
    return this.#answers.get(digest, () => this.#limit.run(() => this.#review(token)))
  }

  async #review(token: string): Promise<User | undefined> {
    const status = await review(this.#client, 'TokenReview', { token })
    return status.authenticated === true ? readUser(status.user) : undefined
  }
}

function readUser(value: unknown): User | undefined {
  if (!isRecord(value) || typeof value.username !== 'string' || value.username === '') return undefined
  const groups = strings(value.groups)
  const extra = isRecord(value.extra) ? value.extra : {}
  return {
    name: value.username,
    uid: typeof value.uid === 'string' && value.uid !== '' ? value.uid : undefined,
    groups: groups.includes(AUTHENTICATED) ? groups : [...groups, AUTHENTICATED],
    extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, strings(values)])),
  }
}

const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
