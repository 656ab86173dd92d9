import * as v from 'valibot'
import type { ContainerPort } from '../../model/pod.ts'
import type { ProbeAction } from '../../model/probe.ts'
import { portName, portNumber } from './network-fields.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'

const port = v.union([portNumber, portName], 'must be a port number from 1 to 65535, or the name of a port')

/** The ways to reach into a container: those of core/v1 ProbeHandler, of which LifecycleHandler has some. */
export const handlers = {
  exec: v.nullish(v.object({ command: v.pipe(v.array(v.string()), v.minLength(1, 'must name a program')) })),
  httpGet: v.nullish(
    v.object({
      path: v.nullish(v.string(), '/'),
      port,
      host: v.nullish(v.string(), ''),
      scheme: v.nullish(v.picklist(['HTTP', 'HTTPS']), 'HTTP'),
      httpHeaders: v.nullish(
        v.array(
          v.object({
            name: v.pipe(
              v.string(),
              v.regex(/^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/, 'must be the name of an HTTP header'),
            ),
            value: v.pipe(v.string(), v.regex(/^[^\r\n\0]*$/, 'must be one line')),
          }),
        ),
        [],
      ),
    }),
  ),
  tcpSocket: v.nullish(v.object({ port, host: v.nullish(v.string(), '') })),
  grpc: v.nullish(v.object({ port: portNumber, service: v.nullish(v.string(), '') })),
}

const known = v.object(handlers)
type Written = v.InferOutput<typeof known>

/** The one way that is written; undefined when it is not one. */
export function toAction(
  { exec, httpGet, tcpSocket, grpc }: Written,
  ports: readonly ContainerPort[],
  path: ObjectPath,
  findings: Findings,
): ProbeAction | undefined {
  const named = [exec, httpGet, tcpSocket, grpc].filter((action) => action !== null && action !== undefined)
  if (named.length !== 1) {
    findings.error(path, 'must have exactly one of exec, httpGet, tcpSocket and grpc')
    return undefined
  }
  if (exec) return { kind: 'exec', command: exec.command }
  if (grpc) return { kind: 'grpc', port: grpc.port, service: grpc.service }
  const target = httpGet ?? tcpSocket
  if (!target) return undefined
  const found = findPort(target.port, ports)
  if (found === undefined) {
    const place = [...path, httpGet ? 'httpGet' : 'tcpSocket', 'port']
    findings.error(
      place,
      `names no port of the container: ${target.port}`,
      'name it in ports, or give its number',
    )
    return undefined
  }
  const host = target.host === '' ? undefined : target.host
  if (!httpGet) return { kind: 'tcpSocket', host, port: found }
  return {
    kind: 'httpGet',
    scheme: httpGet.scheme === 'HTTPS' ? 'https' : 'http',
    host,
    port: found,
    path: httpGet.path.startsWith('/') ? httpGet.path : `/${httpGet.path}`,
    headers: httpGet.httpHeaders,
  }
}

const findPort = (port: number | string, ports: readonly ContainerPort[]): number | undefined =>
  typeof port === 'number' ? port : ports.find(({ name }) => name === port)?.port
