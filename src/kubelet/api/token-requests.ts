import type { KubeClient } from '../../kube/client.ts'
import { isRecord } from '../../kube/kube-object.ts'
import { splitObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'
import type { Clock } from '../../util/clock.ts'
import type { TokenPart, TokenSource } from '../volumes/token-source.ts'

export interface TokenRequestsOptions {
  readonly client: Pick<KubeClient, 'json'>
  readonly clock: Clock
  /** A token of this pod is to be asked for anew. */
  readonly onDue: (uid: string) => void
}

interface Issued {
  readonly token: string
  /** ms since the epoch. */
  readonly refreshAt: number
  readonly cancel: () => void
}

/** When a token is asked for anew: at 80 % of its life, and after a day at the latest (KEP-1205). */
const LIFE_SHARE = 0.8
const MAX_AGE_MS = 24 * 3_600_000

/** Service account tokens by TokenRequest, bound to their pods: they end with them. Kept until they are due. */
export class TokenRequests implements TokenSource {
  readonly #options: TokenRequestsOptions
  /** By pod, then by audience and duration. */
  readonly #issued = new Map<string, Map<string, Issued>>()

  constructor(options: TokenRequestsOptions) {
    this.#options = options
  }

  async token(pod: Pod, part: TokenPart): Promise<string> {
    const key = `${part.audience ?? ''} ${part.expirationSeconds}`
    const known = this.#issued.get(pod.uid)?.get(key)
    if (known !== undefined && known.refreshAt > this.#options.clock.now()) return known.token
    const issued = await this.#request(pod, part)
    known?.cancel()
    const ofPod = this.#issued.get(pod.uid) ?? new Map<string, Issued>()
    this.#issued.set(pod.uid, ofPod.set(key, issued))
    return issued.token
  }

  forget(uid: string): void {
    for (const { cancel } of this.#issued.get(uid)?.values() ?? []) cancel()
    this.#issued.delete(uid)
  }

  /** No token falls due any more. */
  close(): void {
    for (const uid of [...this.#issued.keys()]) this.forget(uid)
  }

  async #request(pod: Pod, { audience, expirationSeconds }: TokenPart): Promise<Issued> {
    const { client, clock, onDue } = this.#options
    const { namespace, name } = splitObjectName(pod.name)
    const asked = clock.now()
    const answer = await client.json({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/${pod.serviceAccount}/token`,
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          ...(audience === undefined ? {} : { audiences: [audience] }),
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid: pod.uid },
        },
      },
    })
    const status = isRecord(answer) && isRecord(answer.status) ? answer.status : {}
    if (typeof status.token !== 'string')
      throw new Error(`the API server gave no token for ${pod.serviceAccount}`)
    const expires = Date.parse(String(status.expirationTimestamp))
    const life = Number.isNaN(expires) ? expirationSeconds * 1000 : expires - asked
    const refreshAt = asked + Math.min(life * LIFE_SHARE, MAX_AGE_MS)
    return { token: status.token, refreshAt, cancel: clock.at(refreshAt, () => onDue(pod.uid)) }
  }
}
