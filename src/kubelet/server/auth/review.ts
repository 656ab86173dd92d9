import type { KubeClient } from '../../../kube/client.ts'
import { isRecord } from '../../../kube/kube-object.ts'
import { errorMessage } from '../../../util/error-message.ts'
import { RequestError } from '../request-error.ts'

export type ReviewClient = Pick<KubeClient, 'json'>

/** Whoever waits for an answer behind it has long given up by then. */
const TIMEOUT_MS = 10_000

/** Has the API server review something; resolves to the review's status. Rejects with a RequestError `UNAVAILABLE`. */
export async function review(
  client: ReviewClient,
  kind: 'TokenReview' | 'SubjectAccessReview',
  spec: object,
): Promise<Readonly<Record<string, unknown>>> {
  const [group, resource] =
    kind === 'TokenReview'
      ? ['authentication.k8s.io/v1', 'tokenreviews']
      : ['authorization.k8s.io/v1', 'subjectaccessreviews']
  try {
    const answer = await client.json({
      method: 'POST',
      path: `/apis/${group}/${resource}`,
      body: { apiVersion: group, kind, spec },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return isRecord(answer) && isRecord(answer.status) ? answer.status : {}
  } catch (error) {
    // To a stranger no more than that: the error names the API server and what is wrong with it.
    const what = kind === 'TokenReview' ? 'who asks' : 'what they may do'
    throw new RequestError('UNAVAILABLE', `the API server cannot be asked ${what} now`, {
      cause: new Error(`${kind}: ${errorMessage(error)}`, { cause: error }),
    })
  }
}
