/**
 * A backend: answers every TCP connection and every UDP datagram on a port, of both families, with its name.
 * usage: server.js NAME PORT; prints `ready` when it listens.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

const [name = '', port = '0'] = process.argv.slice(2)

const tcp = createServer((connection) => {
  connection.on('error', () => {})
  connection.end(name)
})
tcp.listen(Number(port), '::')
await once(tcp, 'listening')

const udp = createSocket('udp6')
udp.on('message', (_question, from) => udp.send(name, from.port, from.address))
udp.bind(Number(port))
await once(udp, 'listening')
console.log('ready')
