import type { PodAccess } from './pod-access.ts'
import { RequestError } from './request-error.ts'
import type { SessionRoute } from './route.ts'

/** Asks the runtime for a session; resolves to where it serves it. Rejects with a RequestError or a RuntimeError. */
export async function openSession(
  pods: Pick<PodAccess, 'exec' | 'attach' | 'portForward'>,
  route: SessionRoute,
  query: URLSearchParams,
): Promise<URL> {
  switch (route.kind) {
    case 'exec':
      return new URL(await pods.exec(route.at, query.getAll('command'), streamsOf(query)))
    case 'attach':
      return new URL(await pods.attach(route.at, streamsOf(query)))
    case 'portForward':
      return new URL(await pods.portForward(route.pod, route.uid, portsOf(query)))
  }
}

/** What the API server asks for with `1`, and people with `true`. */
function streamsOf(query: URLSearchParams) {
  const asked = (...names: readonly string[]): boolean =>
    names.some((name) => query.get(name) === '1' || query.get(name) === 'true')
  // With and without the words that the API server uses: `input`, `output`, `error`.
  const [tty, stdin, stdout] = [asked('tty'), asked('input', 'stdin'), asked('output', 'stdout')]
  // A terminal has one output.
  const stderr = asked('error', 'stderr') && !tty
  if (!stdin && !stdout && !stderr)
    throw new RequestError('BAD_REQUEST', 'you must specify at least 1 of stdin, stdout, stderr')
  return { stdin, stdout, stderr, tty }
}

/** WebSocket clients name the ports here; SPDY clients do in the session itself. */
function portsOf(query: URLSearchParams): readonly number[] {
  return query
    .getAll('port')
    .flatMap((listed) => listed.split(','))
    .map((written) => {
      const port = Number(written)
      if (!/^\d+$/.test(written) || port < 1 || port > 65_535)
        throw new RequestError('BAD_REQUEST', `${JSON.stringify(written)} is no port`)
      return port
    })
}
