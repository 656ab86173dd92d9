import { expect, it } from 'vitest'
import { accessOf } from '../../../../src/kubelet/server/auth/access.ts'
import { routeOf, splitPath } from '../../../../src/kubelet/server/route.ts'

const access = (method: string, pathname: string): string => {
  const path = splitPath(pathname) ?? []
  const { verb, subresources } = accessOf(method, path, routeOf(path))
  return `${verb || 'none'} ${subresources.join(' ')}`
}

it.each([
  ['GET', '/stats/summary', 'get stats'],
  ['GET', '/metrics', 'get metrics'],
  ['GET', '/metrics/', 'get metrics'],
  ['GET', '/metrics/resource', 'get metrics'],
  ['GET', '/logs/syslog', 'get log'],
  ['POST', '/checkpoint/ns/pod/main', 'create checkpoint'],
  ['GET', '/spec', 'get spec'],
  ['GET', '/statusz', 'get statusz'],
  ['GET', '/flagz', 'get configz'],
  ['GET', '/pods', 'get pods proxy'],
  ['GET', '/runningpods/', 'get pods proxy'],
  ['GET', '/healthz', 'get healthz proxy'],
  ['GET', '/healthz/ping', 'get healthz proxy'],
  ['GET', '/configz', 'get configz proxy'],
  ['GET', '/containerLogs/ns/pod/main', 'get proxy'],
  ['GET', '/', 'get proxy'],
  ['GET', '/debug/pprof', 'get proxy'],
  ['GET', '/podsandmore', 'get proxy'],
  ['GET', '/constructor', 'get proxy'],
  ['PUT', '/pods', 'update pods proxy'],
  ['PATCH', '/pods', 'patch pods proxy'],
  ['DELETE', '/pods', 'delete pods proxy'],
  ['HEAD', '/pods', 'none pods proxy'],
  ['POST', '/run/ns/pod/main', 'create proxy'],
  ['POST', '/exec/ns/pod/main', 'create proxy'],
])('%s %s takes %s', (method, path, expected) => {
  expect(access(method, path)).toBe(expected)
})

it.each([
  '/exec/ns/pod/main',
  '/exec/ns/pod/uid/main',
  '/attach/ns/pod/main',
  '/portForward/ns/pod',
  '/%65xec/ns/pod/main',
])('who may read does not run anything yet: GET %s takes create', (path) => {
  expect(access('GET', path)).toBe('create proxy')
})

it.each([
  [
    '/containerLogs/ns/pod/main',
    { kind: 'containerLogs', at: { pod: 'ns/pod', uid: undefined, container: 'main' } },
  ],
  ['/exec/ns/pod/main', { kind: 'exec', at: { pod: 'ns/pod', uid: undefined, container: 'main' } }],
  ['/exec/ns/pod/u1/main', { kind: 'exec', at: { pod: 'ns/pod', uid: 'u1', container: 'main' } }],
  ['/attach/ns/pod/u1/main', { kind: 'attach', at: { pod: 'ns/pod', uid: 'u1', container: 'main' } }],
  ['/run/ns/pod/main/', { kind: 'run', at: { pod: 'ns/pod', uid: undefined, container: 'main' } }],
  ['/portForward/ns/pod', { kind: 'portForward', pod: 'ns/pod', uid: undefined }],
  ['/portForward/ns/pod/u1', { kind: 'portForward', pod: 'ns/pod', uid: 'u1' }],
  ['/pods', { kind: 'pods' }],
  ['/runningpods/', { kind: 'runningpods' }],
  ['/metrics/resource', { kind: 'page', path: 'metrics/resource' }],
  ['/exec/ns/pod', { kind: 'page', path: 'exec/ns/pod' }],
  ['/exec/ns//main', { kind: 'page', path: 'exec/ns//main' }],
  ['/pods/more', { kind: 'page', path: 'pods/more' }],
])('%s is for that', (path, route) => {
  expect(routeOf(splitPath(path) ?? [])).toEqual(route)
})

it('a path that cannot be decoded is none', () => {
  expect(splitPath('/exec/%zz')).toBeUndefined()
})
