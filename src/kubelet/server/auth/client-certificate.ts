import type { TLSSocket } from 'node:tls'
import { AUTHENTICATED, type User } from './user.ts'

/**
 * The user that a connection's client certificate stands for: its common name, in the groups that its organizations name
 * (the API's x509 authentication). Undefined without a certificate that the server's authority has signed, as the
 * handshake found, and that is valid `now` still: connections outlive certificates.
 */
export function certificateUser(socket: TLSSocket, now: number): User | undefined {
  // Without a certificate there is an empty object, once the connection is gone null; `authorized` alone can be true then.
  const certificate = socket.authorized ? socket.getPeerCertificate() : undefined
  if (!certificate?.subject) return undefined
  if (!(Date.parse(certificate.valid_from) <= now && now <= Date.parse(certificate.valid_to)))
    return undefined
  // Of several names, the last one is the most specific.
  const name = valuesOf(certificate.subject.CN).at(-1)
  if (name === undefined || name === '') return undefined
  return {
    name,
    uid: undefined,
    groups: [...valuesOf(certificate.subject.O), AUTHENTICATED],
    extra: {},
  }
}

/** Node gives a string where there is one, and an array where there are several. */
const valuesOf = (attribute: string | readonly string[] | undefined): readonly string[] =>
  attribute === undefined ? [] : typeof attribute === 'string' ? [attribute] : attribute
