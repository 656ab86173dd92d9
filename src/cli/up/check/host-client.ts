import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { familyOf } from '../../../util/address.ts'
import type { Attempt, Client } from './client.ts'
import type { Target } from './targets.ts'

const connectMs = 2000

/** A server that does not speak first and knows no HTTP is quiet for this long; the connection alone counts then. */
const quietMs = 200

/** Connections from this machine itself, as its own processes make them. */
export const hostClient: Client = {
  name: 'this machine',
  addresses: undefined,
  can: (protocol) => protocol !== 'SCTP',
  connect: (target, times) =>
    Promise.all(
      Array.from({ length: times }, () => (target.protocol === 'UDP' ? ask(target) : call(target))),
    ),
}

/** A TCP connection with the plainest HTTP request, which web servers answer and others may. */
function call({ address, port }: Target): Promise<Attempt> {
  return new Promise((resolve) => {
    let localPort: number | undefined
    const socket = connect({ host: address, port, noDelay: true })
    const finish = (error: string | undefined): void => {
      socket.destroy()
      resolve({ error, localPort })
    }
    socket.setTimeout(connectMs, () => finish(localPort === undefined ? 'no answer' : undefined))
    socket.once('error', (error) => finish('code' in error ? String(error.code) : error.message))
    socket.once('connect', () => {
      localPort = socket.localPort
      socket.setTimeout(quietMs)
      socket.write(`GET / HTTP/1.0\r\nHost: ${address}\r\n\r\n`)
    })
    socket.once('data', () => finish(undefined))
    socket.once('close', () => finish(localPort === undefined ? 'closed' : undefined))
  })
}

/** A datagram; whether it was answered is up to the server's protocol, so silence is no error. */
function ask({ address, port }: Target): Promise<Attempt> {
  return new Promise((resolve) => {
    const socket = createSocket(familyOf(address) === 'IPv6' ? 'udp6' : 'udp4')
    let localPort: number | undefined
    let done = false
    const finish = (error: string | undefined): void => {
      if (done) return
      done = true
      clearTimeout(timer)
      socket.close()
      resolve({ error, localPort })
    }
    const timer = setTimeout(() => finish(undefined), quietMs)
    socket.once('error', (error) => finish('code' in error ? String(error.code) : error.message))
    socket.once('message', () => finish(undefined))
    // Connected, so that an ICMP refusal comes back as an error.
    socket.connect(port, address, () => {
      localPort = socket.address().port
      socket.send('hawser check\n')
    })
  })
}
