import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import type { Socket } from 'node:net'
import type { TestCluster } from './harness/test-cluster.ts'

/**
 * Opens a WebSocket of the API server with every right and reads it to its end: what each channel carried, by number.
 * A message begins with the number of its channel.
 */
export async function openChannels(
  cluster: TestCluster,
  path: string,
  protocol: string,
): Promise<ReadonlyMap<number, string>> {
  const { cert, key } = await cluster.clientCertificate('websocket-user', ['system:masters'])
  const [ca, certificate, privateKey] = await Promise.all(
    [cluster.authority, cert, key].map((file) => readFile(file)),
  )
  const { socket, head } = await new Promise<{ socket: Socket; head: Buffer }>((resolve, reject) => {
    const asked = request(`${cluster.server}${path}`, {
      ...{ ca, cert: certificate, key: privateKey, agent: false },
      headers: {
        ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
        ...{ 'sec-websocket-key': randomBytes(16).toString('base64'), 'sec-websocket-protocol': protocol },
      },
    })
    asked.once('upgrade', (_, socket, head) => resolve({ socket, head }))
    asked.once('response', ({ statusCode }) => reject(new Error(`no WebSocket: ${statusCode}`)))
    asked.once('error', reject)
    asked.end()
  })
  const parts = [head]
  for await (const part of socket) parts.push(Buffer.from(part))
  return channelsOf(Buffer.concat(parts))
}

/** Frames of a server have no mask (RFC 6455, section 5.2). */
function channelsOf(bytes: Buffer): ReadonlyMap<number, string> {
  const channels = new Map<number, string>()
  for (let at = 0; at + 2 <= bytes.length; ) {
    const opcode = (bytes[at] ?? 0) & 0x0f
    const short = bytes[at + 1] ?? 0
    const [start, length] = short === 126 ? [at + 4, bytes.readUInt16BE(at + 2)] : [at + 2, short]
    const payload = bytes.subarray(start, start + length)
    // Text and binary; what else there is are pings and the end.
    if ((opcode === 1 || opcode === 2) && payload.length > 1) {
      const channel = payload[0] ?? 0
      channels.set(channel, (channels.get(channel) ?? '') + payload.subarray(1).toString())
    }
    at = start + length
  }
  return channels
}
