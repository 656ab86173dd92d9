import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** The issuer and audience that the test cluster's API server knows. */
export const ISSUER = 'https://hawser.test'

/**
 * A token as TokenRequest gives them, signed with the cluster's own key: the API itself gives none that ends within ten
 * minutes. The account must exist; `uid` is its. Below -60 `seconds` it has ended: a minute is the server's leeway.
 */
export async function serviceAccountToken(
  signingKey: string,
  account: { readonly namespace: string; readonly name: string; readonly uid: string },
  seconds: number,
): Promise<string> {
  const { namespace, name, uid } = account
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: ISSUER,
    aud: [ISSUER],
    sub: `system:serviceaccount:${namespace}:${name}`,
    iat: now - 600,
    nbf: now - 600,
    exp: now + seconds,
    jti: randomUUID(),
    'kubernetes.io': { namespace, serviceaccount: { name, uid } },
  }
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${encode({ alg: 'ES256', typ: 'JWT' })}.${encode(claims)}`
  const key = createPrivateKey(await readFile(signingKey))
  // JWS wants the two numbers of an ECDSA signature side by side, not in DER (RFC 7518 section 3.4).
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}
