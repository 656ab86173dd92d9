import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'

/** A proxy of a test's own, and whom it was asked to connect to. */
export interface TestProxy {
  readonly url: string
  readonly asked: readonly string[]
  close(): Promise<void>
}

/** An HTTP proxy that wants the user `u` with the password `p w`. */
export async function startHttpProxy(): Promise<TestProxy> {
  const asked: string[] = []
  const server = createHttpServer()
  server.on('connect', ({ url = '', headers }, socket) => {
    if (headers['proxy-authorization'] !== `Basic ${Buffer.from('u:p w').toString('base64')}`) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    asked.push(url)
    const [host, port] = url.split(':')
    const target = connect(Number(port), host)
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    socket.pipe(target).pipe(socket)
    socket.on('error', () => target.destroy())
    target.on('error', () => socket.destroy())
  })
  return started(server, 'http://u:p%20w@', asked)
}

/** A SOCKS 5 proxy without authentication, for IPv4 addresses (RFC 1928). */
export async function startSocksProxy(): Promise<TestProxy> {
  const asked: string[] = []
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.from([5, 0]))
      socket.once('data', (request) => {
        const host = request.subarray(4, 8).join('.')
        const port = request.readUInt16BE(8)
        asked.push(`${host}:${port}`)
        socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
        const target = connect(port, host)
        socket.pipe(target).pipe(socket)
        socket.on('error', () => target.destroy())
        target.on('error', () => socket.destroy())
      })
    })
  })
  return started(server, 'socks5://', asked)
}

async function started(server: Server, prefix: string, asked: readonly string[]): Promise<TestProxy> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    server.close()
    await once(server, 'close')
  }
  return { url: `${prefix}127.0.0.1:${port}`, asked, close }
}
