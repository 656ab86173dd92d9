import { connect } from 'node:net'
import type { Answer } from './answer.ts'

/** A connection that opens passes; it is closed at once. Rejects when none does. */
export function askTcp(host: string, port: number, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    const give = (settle: () => void): void => {
      signal.removeEventListener('abort', late)
      socket.destroy()
      settle()
    }
    const late = (): void => give(() => reject(new Error(`no connection to ${host}:${port} in time`)))
    socket.once('connect', () => give(() => resolve({ passed: true, message: '' })))
    socket.once('error', (error) => give(() => reject(error)))
    signal.addEventListener('abort', late, { once: true })
  })
}
