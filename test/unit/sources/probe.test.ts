import { describe, expect, test } from 'vitest'
import { formatPath } from '../../../src/sources/objects/object-path.ts'
import { parsePod } from '../../../src/sources/objects/pod.ts'

const pod = (container: object, initContainer?: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', uid: 'u-1' },
  spec: {
    containers: [
      { name: 'main', image: 'web:1', ports: [{ name: 'http', containerPort: 8080 }], ...container },
    ],
    ...(initContainer === undefined
      ? {}
      : { initContainers: [{ name: 'first', image: 'web:1', ...initContainer }] }),
  },
})

const DEFAULTS = {
  initialDelaySeconds: 0,
  periodSeconds: 10,
  timeoutSeconds: 1,
  successThreshold: 1,
  failureThreshold: 3,
  terminationGracePeriodSeconds: undefined,
}

describe('a probe', () => {
  test.each([
    [{ exec: { command: ['true'] } }, { kind: 'exec', command: ['true'] }],
    [{ tcpSocket: { port: 'http' } }, { kind: 'tcpSocket', host: undefined, port: 8080 }],
    [{ grpc: { port: 9 } }, { kind: 'grpc', port: 9, service: '' }],
    [
      { httpGet: { port: 'http', path: 'live', scheme: 'HTTPS' } },
      { kind: 'httpGet', scheme: 'https', host: undefined, port: 8080, path: '/live', headers: [] },
    ],
  ])('%j', (readinessProbe, action) => {
    const { value, problems } = parsePod(pod({ readinessProbe }))
    expect(problems).toEqual([])
    expect(value?.containers[0]?.probes).toEqual({
      startup: undefined,
      liveness: undefined,
      readiness: { ...DEFAULTS, action },
    })
  })

  test.each([
    [{ livenessProbe: {} }, 'livenessProbe', 'exactly one of'],
    [{ livenessProbe: { exec: { command: ['a'] }, grpc: { port: 1 } } }, 'livenessProbe', 'exactly one of'],
    [{ livenessProbe: { tcpSocket: { port: 'web' } } }, 'livenessProbe.tcpSocket.port', 'names no port'],
    [{ livenessProbe: { tcpSocket: { port: 0 } } }, 'livenessProbe.tcpSocket.port', 'port number from 1'],
    [
      { livenessProbe: { grpc: { port: 1 }, successThreshold: 2 } },
      'livenessProbe.successThreshold',
      'must be 1',
    ],
    [{ startupProbe: { grpc: { port: 1 }, periodSeconds: 0 } }, 'startupProbe.periodSeconds', '1 or more'],
  ])('%j is refused with its place', (container, place, reason) => {
    const { value, problems } = parsePod(pod(container))
    expect(value).toBeUndefined()
    expect(problems).toHaveLength(1)
    expect(formatPath(problems[0]?.path ?? [])).toBe(`spec.containers[0].${place}`)
    expect(problems[0]?.reason).toContain(reason)
  })

  test('of an init container is refused', () => {
    const { problems } = parsePod(pod({}, { livenessProbe: { grpc: { port: 1 } } }))
    expect(problems.map(({ path }) => formatPath(path))).toEqual(['spec.initContainers[0].livenessProbe'])
  })
})
