import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { errorMessage } from '../../util/error-message.ts'
import { CommandError } from '../command-error.ts'
import { nonEmpty, value } from '../flags.ts'

/** Where `hawser node`, `hawser proxy` and `hawser up` put their sockets, unless told otherwise. */
const DEFAULT_SOCKETS = [
  '/var/lib/hawser/kubelet/control.sock',
  '/var/lib/hawser/proxy/control.sock',
  '/var/lib/hawser/control.sock',
]

export const socketFlag = value<string | undefined>({
  metavar: 'PATH',
  help: 'Socket of the running daemon: control.sock in its --state-dir or --root-dir.',
  fallback: undefined,
  shownDefault: `the first there is of ${DEFAULT_SOCKETS.join(', ')}`,
  parse: nonEmpty,
  must: 'a path',
})

/**
 * GETs a path from the running daemon, which answers in JSON of the type that the caller names. Throws a CommandError
 * `NOT_RUNNING` when nobody listens, `DAEMON_FAILED` with the daemon's own words when it cannot answer.
 */
export async function askDaemon<Reply>(socket: string | undefined, path: string): Promise<Reply> {
  const socketPath =
    socket ?? DEFAULT_SOCKETS.find((candidate) => existsSync(candidate)) ?? DEFAULT_SOCKETS[0] ?? ''
  const { status, body } = await get(socketPath, path).catch((error: unknown) => {
    throw new CommandError('NOT_RUNNING', `nobody answers at ${socketPath}: ${errorMessage(error)}`, {
      remedy:
        'start hawser node, hawser proxy or hawser up, or name the socket in its state folder with --socket',
      cause: error,
    })
  })
  if (status !== 200) throw new CommandError('DAEMON_FAILED', body.trim())
  return JSON.parse(body) as Reply
}

/** Longer than the largest conntrack table takes to be listed. */
const PATIENCE_MS = 30_000

const get = (socketPath: string, path: string): Promise<{ status: number | undefined; body: string }> =>
  new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: PATIENCE_MS }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString('utf8') }),
      )
    })
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${PATIENCE_MS / 1000} s`)))
    asked.on('error', reject)
    asked.end()
  })
