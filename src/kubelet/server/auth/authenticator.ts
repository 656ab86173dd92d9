import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { certificateUser } from './client-certificate.ts'
import type { Tokens } from './tokens.ts'
import type { User } from './user.ts'

export interface AuthenticatorOptions {
  readonly tokens: Pick<Tokens, 'user'>
  /** The connection was made under the authority that is in force. */
  readonly isCurrent: (socket: Socket) => boolean
}

/** Who sends a request: by the client certificate of its connection, else by its bearer token. */
export class Authenticator {
  readonly #options: AuthenticatorOptions

  constructor(options: AuthenticatorOptions) {
    this.#options = options
  }

  /** Undefined: nobody that is known. Rejects with a RequestError `UNAVAILABLE` when nobody can tell. */
  async user(request: IncomingMessage): Promise<User | undefined> {
    const { tokens, isCurrent } = this.#options
    const { socket } = request
    const byCertificate =
      socket instanceof TLSSocket && isCurrent(socket) ? certificateUser(socket, Date.now()) : undefined
    if (byCertificate !== undefined) return byCertificate
    const token = bearerToken(request.headers.authorization) ?? socketToken(request)
    return token === undefined ? undefined : tokens.user(token)
  }
}

const bearerToken = (header: string | undefined): string | undefined =>
  /^bearer +(\S+)$/i.exec(header?.trim() ?? '')?.[1]

/** Browsers can give a WebSocket no header: the token stands among the protocols that they offer. */
export const SOCKET_TOKEN = 'base64url.bearer.authorization.k8s.io.'

function socketToken({ headers }: IncomingMessage): string | undefined {
  const offered = headers['sec-websocket-protocol']?.split(',').map((protocol) => protocol.trim())
  const encoded = offered?.find((protocol) => protocol.startsWith(SOCKET_TOKEN))?.slice(SOCKET_TOKEN.length)
  return encoded === undefined || encoded === ''
    ? undefined
    : Buffer.from(encoded, 'base64url').toString('utf8')
}
