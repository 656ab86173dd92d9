import * as v from 'valibot'
import type { ContainerPort } from '../../model/pod.ts'
import type { ContainerProbes, Probe, ProbeAction } from '../../model/probe.ts'
import { portName, portNumber } from './network-fields.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'

const port = v.union([portNumber, portName], 'must be a port number from 1 to 65535, or the name of a port')

const whole = (least: number, fallback: number) => {
  const message = `must be a whole number of ${least} or more`
  return v.nullish(v.pipe(v.number(), v.integer(message), v.minValue(least, message)), fallback)
}

const probe = v.object({
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
  initialDelaySeconds: whole(0, 0),
  // core/v1 defaults of a Probe.
  periodSeconds: whole(1, 10),
  timeoutSeconds: whole(1, 1),
  successThreshold: whole(1, 1),
  failureThreshold: whole(1, 3),
  terminationGracePeriodSeconds: v.nullish(
    v.pipe(v.number(), v.integer(), v.minValue(1, 'must be 1 or more')),
  ),
})

/** The three probes of a core/v1 Container. */
export const probes = {
  startupProbe: v.nullish(probe),
  livenessProbe: v.nullish(probe),
  readinessProbe: v.nullish(probe),
}

type Written = v.InferOutput<typeof probe>
type WrittenProbes = { readonly [Name in keyof typeof probes]?: Written | null | undefined }

export function toProbes(
  written: WrittenProbes,
  ports: readonly ContainerPort[],
  path: ObjectPath,
  findings: Findings,
): ContainerProbes {
  const read = (name: keyof WrittenProbes): Probe | undefined => {
    const probe = written[name]
    return probe ? toProbe(probe, ports, [...path, name], findings) : undefined
  }
  for (const name of ['startupProbe', 'livenessProbe'] as const)
    if ((written[name]?.successThreshold ?? 1) !== 1)
      findings.error(
        [...path, name, 'successThreshold'],
        'must be 1: only readiness can be lost and won again',
      )
  if (written.readinessProbe?.terminationGracePeriodSeconds)
    findings.error(
      [...path, 'readinessProbe', 'terminationGracePeriodSeconds'],
      'has no meaning: this probe ends no container',
    )
  return { startup: read('startupProbe'), liveness: read('livenessProbe'), readiness: read('readinessProbe') }
}

function toProbe(
  written: Written,
  ports: readonly ContainerPort[],
  path: ObjectPath,
  findings: Findings,
): Probe | undefined {
  const action = toAction(written, ports, path, findings)
  if (action === undefined) return undefined
  const { initialDelaySeconds, periodSeconds, timeoutSeconds, successThreshold, failureThreshold } = written
  return {
    action,
    initialDelaySeconds,
    periodSeconds,
    timeoutSeconds,
    successThreshold,
    failureThreshold,
    terminationGracePeriodSeconds: written.terminationGracePeriodSeconds ?? undefined,
  }
}

function toAction(
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
