import { isIPv4, isIPv6, connect as netConnect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'

/** A proxy that cannot be asked for ever. */
const HANDSHAKE_MS = 10_000

/** A head of an HTTP proxy's answer that is longer than this is none. */
const MAX_HEAD_BYTES = 16 * 1024

/** Connects to `host:port` through an `http:`, `https:` or `socks5:` proxy. Rejects with what the proxy said. */
export async function openTunnel(proxy: URL, host: string, port: number): Promise<Socket> {
  const socket = await connectTo(proxy)
  const deadline = setTimeout(() => socket.destroy(new Error('the proxy did not answer')), HANDSHAKE_MS)
  try {
    if (proxy.protocol.startsWith('socks5')) await askSocks(socket, proxy, host, port)
    else await askHttp(socket, proxy, host, port)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(deadline)
  }
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

function connectTo(proxy: URL): Promise<Socket> {
  const port = Number(proxy.port) || (DEFAULT_PORTS[proxy.protocol] ?? 1080)
  const host = proxy.hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    const secure = proxy.protocol === 'https:'
    const socket = secure ? tlsConnect({ host, port, servername: host }) : netConnect({ host, port })
    socket.setTimeout(HANDSHAKE_MS, () => socket.destroy(new Error('the proxy did not answer')))
    socket.once('error', reject)
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      socket.setTimeout(0)
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

async function askHttp(socket: Socket, proxy: URL, host: string, port: number): Promise<void> {
  const target = `${isIPv6(host) ? `[${host}]` : host}:${port}`
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  const authorization =
    proxy.username === '' ? '' : `Proxy-Authorization: Basic ${Buffer.from(user).toString('base64')}\r\n`
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${authorization}\r\n`)
  let head = ''
  while (!head.endsWith('\r\n\r\n')) {
    if (head.length > MAX_HEAD_BYTES) throw new Error('the proxy answered something that is no HTTP')
    // One byte at a time: what follows the head belongs to the server.
    head += (await readExactly(socket, 1)).toString('latin1')
  }
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]
  if (status !== '200') throw new Error(`the proxy answered ${head.split('\r\n')[0]}`)
}

const NO_AUTHENTICATION = 0
const USERNAME_PASSWORD = 2

/** RFC 1928 with the name resolved by the proxy, and RFC 1929 where the URL has a user. */
async function askSocks(socket: Socket, proxy: URL, host: string, port: number): Promise<void> {
  const method = proxy.username === '' ? NO_AUTHENTICATION : USERNAME_PASSWORD
  socket.write(Buffer.from([5, 1, method]))
  const [version, chosen] = await readExactly(socket, 2)
  if (version !== 5 || chosen !== method) throw new Error('the SOCKS proxy refused the way of authentication')
  if (method === USERNAME_PASSWORD) {
    const [name, password] = [proxy.username, proxy.password].map((text) =>
      lengthPrefixed(decodeURIComponent(text)),
    )
    socket.write(Buffer.concat([Buffer.from([1]), name ?? Buffer.alloc(1), password ?? Buffer.alloc(1)]))
    const [, failed] = await readExactly(socket, 2)
    if (failed !== 0) throw new Error('the SOCKS proxy refused the user')
  }
  const to = Buffer.alloc(2)
  to.writeUInt16BE(port)
  socket.write(Buffer.concat([Buffer.from([5, 1, 0]), socksAddress(host), to]))
  const [, reply, , type = 0] = await readExactly(socket, 4)
  if (reply !== 0) throw new Error(`the SOCKS proxy could not connect: reply ${reply} of RFC 1928`)
  const length = type === 1 ? 4 : type === 4 ? 16 : ((await readExactly(socket, 1))[0] ?? 0)
  await readExactly(socket, length + 2)
}

function socksAddress(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from([1, ...host.split('.').map(Number)])
  return Buffer.concat([Buffer.from([3]), lengthPrefixed(host)])
}

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

/** Takes exactly `length` bytes and leaves the rest in the socket. */
function readExactly(socket: Socket, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      socket.off('readable', look)
      socket.off('error', fail)
      socket.off('close', closed)
    }
    const look = (): void => {
      const bytes: unknown = socket.read(length)
      if (!Buffer.isBuffer(bytes)) return
      stop()
      if (bytes.length === length) resolve(bytes)
      else reject(new Error('the proxy closed the connection'))
    }
    const fail = (error: Error): void => {
      stop()
      reject(error)
    }
    const closed = (): void => fail(new Error('the proxy closed the connection'))
    socket.on('readable', look)
    socket.on('error', fail)
    socket.on('close', closed)
    look()
  })
}
