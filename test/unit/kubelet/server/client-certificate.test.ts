import type { TLSSocket } from 'node:tls'
import { expect, it } from 'vitest'
import { certificateUser } from '../../../../src/kubelet/server/auth/client-certificate.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')

/** A connection whose handshake found this certificate in order. */
const socketWith = (certificate: object | null, authorized = true): TLSSocket =>
  ({ authorized, getPeerCertificate: () => certificate }) as unknown as TLSSocket

const certificate = (subject: object, validTo = 'Nov 23 10:00:00 2026 GMT') => ({
  subject,
  valid_from: 'Nov 21 10:00:00 2026 GMT',
  valid_to: validTo,
})

const nameOf = (socket: TLSSocket) => certificateUser(socket, NOW)?.name

it('is whom the certificate names, in the groups of its organizations', () => {
  expect(certificateUser(socketWith(certificate({ CN: 'jo', O: 'one' })), NOW)).toEqual({
    ...{ name: 'jo', uid: undefined, extra: {} },
    groups: ['one', 'system:authenticated'],
  })
  expect(certificateUser(socketWith(certificate({ CN: 'jo', O: ['one', 'two'] })), NOW)?.groups).toEqual([
    ...['one', 'two', 'system:authenticated'],
  ])
})

it('is the last of several names', () => {
  expect(nameOf(socketWith(certificate({ CN: ['first', 'last'] })))).toBe('last')
})

it.each([
  ['the handshake found it wanting', socketWith(certificate({ CN: 'jo' }), false)],
  // A session that was resumed without one counts as authorized.
  ['there is none', socketWith({})],
  ['the connection is gone', socketWith(null)],
  ['it names nobody', socketWith(certificate({ O: 'one' }))],
  ['its name is empty', socketWith(certificate({ CN: '' }))],
  ['it has ended since the handshake', socketWith(certificate({ CN: 'jo' }, 'Nov 22 09:59:59 2026 GMT'))],
  ['nobody can tell when it ends', socketWith(certificate({ CN: 'jo' }, 'never'))],
])('is nobody when %s', (_, socket) => {
  expect(nameOf(socket)).toBeUndefined()
})
