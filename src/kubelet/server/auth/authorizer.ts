import { RequestError } from '../request-error.ts'
import type { NodeAccess } from './access.ts'
import { Answers } from './answers.ts'
import { type ReviewClient, review } from './review.ts'
import type { User } from './user.ts'

export interface AuthorizerOptions {
  readonly client: ReviewClient
  readonly nodeName: string
  /** How long an answer holds. */
  readonly allowedMs: number
  readonly deniedMs: number
  readonly now?: () => number
}

/** Answers that are remembered: some bytes each. */
const CAPACITY = 4_096

/** What users may do to the node, as the API server says (SubjectAccessReview). */
export class Authorizer {
  readonly #options: AuthorizerOptions
  readonly #answers: Answers<boolean>

  constructor(options: AuthorizerOptions) {
    this.#options = options
    const { allowedMs, deniedMs, now } = options
    this.#answers = new Answers(CAPACITY, (allowed) => (allowed ? allowedMs : deniedMs), now)
  }

  /** Rejects with a RequestError: `FORBIDDEN`, or `UNAVAILABLE` when nobody can tell. */
  async demand(user: User, { verb, subresources }: NodeAccess): Promise<void> {
    for (const subresource of subresources) if (await this.#isAllowed(user, verb, subresource)) return
    throw new RequestError(
      'FORBIDDEN',
      // Word by word the kubelet's: people search for it.
      `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}])`,
    )
  }

  #isAllowed({ name, uid, groups, extra }: User, verb: string, subresource: string): Promise<boolean> {
    const { client, nodeName } = this.#options
    const spec = {
      user: name,
      ...(uid === undefined ? {} : { uid }),
      groups,
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
      resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: nodeName },
    }
    return this.#answers.get(JSON.stringify(spec), async () => {
      const status = await review(client, 'SubjectAccessReview', spec)
      return status.allowed === true && status.denied !== true
    })
  }
}
