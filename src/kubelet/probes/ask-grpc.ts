import { isIPv6 } from 'node:net'
import { Client, credentials } from '@grpc/grpc-js'
import type { Answer } from './answer.ts'

/** `grpc.health.v1.HealthCheckResponse.ServingStatus.SERVING`. */
const SERVING = 1

/** Asks `grpc.health.v1.Health/Check` of a service; only SERVING passes. Rejects with the status of a call that failed. */
export function askGrpc(host: string, port: number, service: string, timeoutMs: number): Promise<Answer> {
  const client = new Client(`${isIPv6(host) ? `[${host}]` : host}:${port}`, credentials.createInsecure())
  return new Promise<Answer>((resolve, reject) => {
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      encodeRequest,
      decodeStatus,
      service,
      { deadline: Date.now() + timeoutMs },
      (error, status) => {
        if (error !== null) reject(error)
        else resolve({ passed: status === SERVING, message: `health status ${status}` })
      },
    )
  }).finally(() => client.close())
}

/** `HealthCheckRequest { string service = 1 }` */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service)
  if (name.length === 0) return name
  const length: number[] = []
  let rest = name.length
  for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80)
  return Buffer.concat([Buffer.of(0x0a, ...length, rest), name])
}

/** `HealthCheckResponse { ServingStatus status = 1 }`: 0 is left out on the wire, all others take one byte. */
const decodeStatus = (bytes: Buffer): number => (bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0)
