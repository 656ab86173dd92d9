import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../support/eventually.ts'
import { ServedNode } from './served.ts'

const EXEC = '/exec/default/web/main?command=id&command=-u&stdin=1&stdout=1&stderr=1'
const AS_ADMIN = { authorization: 'Bearer good:admin' }

/** A runtime's streaming server that says what the test wants, byte by byte. */
class StreamingServer {
  readonly #server: Server
  readonly sockets: Socket[] = []
  received = ''
  ended = false

  constructor(onHead: (socket: Socket) => void) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.push(socket)
      socket.on('error', () => undefined)
      socket.on('end', () => {
        this.ended = true
      })
      socket.setEncoding('latin1').on('data', (text: string) => {
        const hadHead = this.received.includes('\r\n\r\n')
        this.received += text
        if (!hadHead && this.received.includes('\r\n\r\n')) onHead(socket)
      })
    }).listen(0, '127.0.0.1')
  }

  get head(): readonly string[] {
    return (this.received.split('\r\n\r\n')[0] ?? '').split('\r\n')
  }

  /** What came behind the request's head. */
  get body(): string {
    return this.received.split('\r\n\r\n').slice(1).join('\r\n\r\n')
  }

  async url(): Promise<string> {
    if (!this.#server.listening) await once(this.#server, 'listening')
    const at = this.#server.address()
    return `http://127.0.0.1:${typeof at === 'object' ? at?.port : 0}/exec/TOKEN?x=1`
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy()
    this.#server.close()
  }
}

const GRANT =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n' +
  'X-Stream-Protocol-Version: v5.channel.k8s.io\r\n\r\n'

let node: ServedNode
let runtime: StreamingServer

beforeEach(async () => {
  node = await ServedNode.start()
})

afterEach(async () => {
  runtime?.close()
  await node?.dispose()
})

/** The runtime serves sessions, and answers so. */
async function serve(onHead: (socket: Socket) => void): Promise<void> {
  runtime = new StreamingServer(onHead)
  node.runtimeUrl = await runtime.url()
}

const grants = (socket: Socket): void => {
  socket.write(GRANT)
}

/** Everything that comes until the other end has said it all. */
async function toItsEnd(socket: Socket): Promise<string> {
  let text = ''
  for await (const part of socket) text += String(part)
  return text
}

describe('a session', () => {
  it('is asked of the runtime as the client asks', async () => {
    await serve(grants)
    const { socket } = await node.upgrade(EXEC, { headers: AS_ADMIN })
    expect(node.runtimeCalls).toEqual([
      'exec main-id id -u {"stdin":true,"stdout":true,"stderr":true,"tty":false}',
    ])
    socket.destroy()
  })

  it('passes headers on, each as often as it came, but no credentials', async () => {
    await serve(grants)
    const versions = ['v5.channel.k8s.io', 'v4.channel.k8s.io']
    const headers = { ...AS_ADMIN, cookie: 'x=1', 'x-stream-protocol-version': versions }
    const { socket, response } = await node.upgrade(EXEC, { headers })
    expect(runtime.head[0]).toBe('POST /exec/TOKEN?x=1 HTTP/1.1')
    const lines = runtime.head.map((line) => line.toLowerCase())
    for (const version of versions) expect(lines).toContain(`x-stream-protocol-version: ${version}`)
    expect(lines).toContain('upgrade: spdy/3.1')
    expect(lines.join(' ')).not.toMatch(/good:admin|cookie/)
    expect(response.headers['x-stream-protocol-version']).toBe('v5.channel.k8s.io')
    socket.destroy()
  })

  it('carries bytes both ways, from the very first on', async () => {
    await serve((socket) => {
      socket.write(`${GRANT}first`)
      socket.on('data', (text) => socket.write(`<${text}>`))
    })
    const { socket, head } = await node.upgrade(EXEC, { headers: AS_ADMIN })
    let text = head.toString()
    socket.on('data', (part) => {
      text += part.toString()
    })
    await eventually(() => text === 'first' || undefined)
    socket.write('hello')
    await eventually(() => text === 'first<hello>' || undefined)
    socket.destroy()
  })

  it('lets one end finish before the other', async () => {
    await serve((socket) => {
      socket.write(GRANT)
      socket.on('end', () => socket.end('all that came late'))
    })
    const { socket } = await node.upgrade(EXEC, { headers: AS_ADMIN })
    socket.end('all of the input')
    expect(await toItsEnd(socket)).toBe('all that came late')
    expect(runtime.body).toBe('all of the input')
  })

  it('gives all that the runtime has said, though it breaks the connection then', async () => {
    const much = 'x'.repeat(1 << 20)
    await serve((socket) => {
      socket.end(GRANT + much, () => socket.destroy())
    })
    const { socket, head } = await node.upgrade(EXEC, { headers: AS_ADMIN })
    expect(head.length + (await toItsEnd(socket)).length).toBe(much.length)
  })

  it('takes no more of the runtime than the client does', async () => {
    let written = 0
    await serve((socket) => {
      socket.write(GRANT)
      const block = Buffer.alloc(1 << 16)
      const pour = (): void => {
        while (written < 1 << 28) {
          written += block.length
          if (!socket.write(block)) {
            socket.once('drain', pour)
            return
          }
        }
      }
      pour()
    })
    const { socket } = await node.upgrade(EXEC, { headers: AS_ADMIN })
    socket.pause()
    let before = -1
    // It stands still once all buffers on the way are full.
    await eventually(() => {
      const stands = written > 0 && written === before
      before = written
      return stands || undefined
    })
    expect(written).toBeLessThan(1 << 27)
    socket.destroy()
  })

  it('ends for the runtime when the client is gone', async () => {
    await serve(grants)
    const { socket } = await node.upgrade(EXEC, { headers: AS_ADMIN })
    socket.destroy()
    await eventually(() => runtime.ended || runtime.sockets[0]?.destroyed || undefined)
  })

  it('ends on both sides with the server', async () => {
    await serve(grants)
    const { socket } = await node.upgrade(EXEC, { headers: AS_ADMIN })
    socket.on('error', () => undefined)
    const closed = once(socket, 'close')
    socket.resume()
    await node.close()
    await closed
    await eventually(() => runtime.ended || runtime.sockets[0]?.destroyed || undefined)
  })

  it('that nobody has begun yet keeps no server from its end', async () => {
    const silent = connect(node.port, '127.0.0.1')
    await once(silent, 'connect')
    const closed = once(silent, 'close')
    await node.ask('GET', '/healthz')
    await node.close()
    await closed
  })

  it('is counted while it lasts', async () => {
    await serve(grants)
    const open = async () =>
      /hawser_kubelet_open_streams\{kind="exec"\} (\d)/.exec(await node.registry.metrics())?.[1]
    const { socket } = await node.upgrade(EXEC, { headers: AS_ADMIN })
    expect(await open()).toBe('1')
    socket.destroy()
    runtime.close()
    await eventually(async () => (await open()) === '0' || undefined)
    const text = await node.registry.metrics()
    const labels = 'method="POST",path="exec",server_type="readwrite",long_running="true"'
    expect(text).toContain(`kubelet_http_requests_total{${labels}} 1`)
    expect(text).toContain(`kubelet_http_inflight_requests{${labels}} 0`)
  })
})

describe('a session that cannot be', () => {
  const asked = (path: string) =>
    node.ask('POST', path, { headers: { ...AS_ADMIN, connection: 'Upgrade', upgrade: 'SPDY/3.1' } })

  it('is refused with what the runtime says', async () => {
    const body = 'no such token'
    await serve((socket) =>
      socket.end(
        `HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      ),
    )
    expect(await asked(EXEC)).toEqual({ status: 404, body })
  })

  it('is refused when nobody is there to serve it', async () => {
    const { status, body } = await asked(EXEC)
    expect(status).toBe(503)
    expect(body).toContain("the runtime's streaming server does not answer")
  })

  it('is refused when the runtime hangs up without a word', async () => {
    await serve((socket) => socket.destroy())
    expect((await asked(EXEC)).status).toBe(503)
  })

  it.each([
    ['/exec/default/web/other?stdout=1', 404, 'container not found ("other")\n'],
    ['/exec/default/web/another-uid/main?stdout=1', 404, 'pod "web" does not exist\n'],
    ['/portForward/default/nobody?port=80', 404, 'pod "nobody" does not exist\n'],
    ['/portForward/default/web?port=0', 400, '"0" is no port\n'],
    ['/exec/default/web/main?command=id', 400, 'you must specify at least 1 of stdin, stdout, stderr\n'],
    ['/pods', 405, 'POST is nothing that can be done at this path\n'],
  ])('%s: %d', async (path, status, body) => {
    expect(await asked(path)).toEqual({ status, body })
    expect(node.runtimeCalls).toEqual([])
  })
})

describe('what a session carries', () => {
  it.each([
    [
      '/exec/default/web/main?command=sh&input=1&output=1&error=1&tty=1',
      'exec main-id sh {"stdin":true,"stdout":true,"stderr":false,"tty":true}',
    ],
    [
      '/exec/default/web/main?command=a%20b&command=&stdout=true',
      'exec main-id a b  {"stdin":false,"stdout":true,"stderr":false,"tty":false}',
    ],
    ['/attach/default/web/main?stdout=1', 'attach main-id'],
    ['/portForward/default/web', 'portForward sandbox-0 '],
    ['/portForward/default/web/uid-web?port=80&port=443', 'portForward sandbox-0 80,443'],
  ])('%s', async (path, call) => {
    await serve(grants)
    const { socket } = await node.upgrade(path, { headers: AS_ADMIN })
    expect(node.runtimeCalls).toEqual([call])
    socket.destroy()
  })
})

describe('a WebSocket without headers of its own', () => {
  it('has its token among the protocols, and the runtime does not hear of it', async () => {
    await serve((socket) => socket.write(GRANT.replace('SPDY/3.1', 'websocket')))
    const token = Buffer.from('good:admin').toString('base64url')
    const { socket } = await node.upgrade(EXEC, {
      headers: {
        ...{ upgrade: 'websocket', 'sec-websocket-version': '13' },
        'sec-websocket-protocol': `base64url.bearer.authorization.k8s.io.${token}, v4.channel.k8s.io`,
      },
    })
    expect(runtime.head.map((line) => line.toLowerCase())).toContain(
      'sec-websocket-protocol: v4.channel.k8s.io',
    )
    socket.destroy()
  })
})
