/**
 * Asks an address a number of times, one connection or source port after the other, and prints the answers as JSON:
 * what the backend said, or `(CODE)` of the error, or `(silent)`.
 * usage: client.js TCP|UDP ADDRESS PORT COUNT
 */
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'

const [protocol, address = '', port = '0', count = '0'] = process.argv.slice(2)
/** Far above what an answer takes in a slow kernel, far below the limit of a test. */
const PATIENCE_MS = 5000

const askTcp = (): Promise<string> =>
  new Promise((resolve) => {
    let answer = ''
    const connection = connect({ host: address, port: Number(port), timeout: PATIENCE_MS })
    connection.setEncoding('utf8').on('data', (text) => {
      answer += text
    })
    connection.on('timeout', () => connection.destroy(Object.assign(new Error(), { code: 'silent' })))
    connection.on('error', (error: NodeJS.ErrnoException) => resolve(`(${error.code})`))
    connection.on('close', () => resolve(answer))
  })

const askUdp = (): Promise<string> =>
  new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    const settle = (answer: string): void => {
      clearTimeout(timer)
      socket.close()
      resolve(answer)
    }
    const timer = setTimeout(() => settle('(silent)'), PATIENCE_MS)
    socket.once('message', (answer) => settle(answer.toString('utf8')))
    socket.once('error', (error: NodeJS.ErrnoException) => settle(`(${error.code})`))
    // Connected, so that an ICMP refusal is told to this socket.
    socket.connect(Number(port), address, () => socket.send('who'))
  })

const answers: string[] = []
for (let index = 0; index < Number(count); index++)
  answers.push(await (protocol === 'UDP' ? askUdp() : askTcp()))
console.log(JSON.stringify(answers))
