import { expect, test } from 'vitest'
import { serviceVariables } from '../../../src/kubelet/pods/service-variables.ts'
import type { Service } from '../../../src/model/service.ts'
import { parseService } from '../../../src/sources/objects/service.ts'
import { buildPod } from '../../support/pod-builder.ts'

function service(name: string, clusterIP: string, ports: readonly object[] = [{ port: 80 }]): Service {
  const [namespace, own] = name.split('/')
  const { value } = parseService({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name: own },
    spec: { clusterIP, ports },
  })
  if (value === undefined) throw new Error(`no Service: ${name}`)
  return value
}

const told = (services: readonly Service[], enableServiceLinks = true) =>
  Object.fromEntries(serviceVariables(services, buildPod('web', { enableServiceLinks })))

const kubernetes = service('default/kubernetes', '10.96.0.1', [{ name: 'https', port: 443 }])
const hosts = (variables: Record<string, string>) =>
  Object.entries(variables).filter(([name]) => name.endsWith('_SERVICE_HOST'))

test('a Service is told in the words of Kubernetes and of Docker', () => {
  const ports = [
    { name: 'http-web', port: 80 },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ]
  expect(told([service('default/my-db', '10.96.0.7', ports)])).toEqual({
    MY_DB_SERVICE_HOST: '10.96.0.7',
    MY_DB_SERVICE_PORT: '80',
    MY_DB_SERVICE_PORT_HTTP_WEB: '80',
    MY_DB_SERVICE_PORT_DNS: '53',
    MY_DB_PORT: 'tcp://10.96.0.7:80',
    MY_DB_PORT_80_TCP: 'tcp://10.96.0.7:80',
    MY_DB_PORT_80_TCP_PROTO: 'tcp',
    MY_DB_PORT_80_TCP_PORT: '80',
    MY_DB_PORT_80_TCP_ADDR: '10.96.0.7',
    MY_DB_PORT_53_UDP: 'udp://10.96.0.7:53',
    MY_DB_PORT_53_UDP_PROTO: 'udp',
    MY_DB_PORT_53_UDP_PORT: '53',
    MY_DB_PORT_53_UDP_ADDR: '10.96.0.7',
  })
})

test('an address of IPv6 stands in brackets before a port', () => {
  const variables = told([service('default/six', '2001:db8::7')])
  expect(variables).toMatchObject({
    SIX_SERVICE_HOST: '2001:db8::7',
    SIX_PORT: 'tcp://[2001:db8::7]:80',
    SIX_PORT_80_TCP_ADDR: '2001:db8::7',
  })
})

test('Services of other namespaces are not told, but for that of the API server', () => {
  const other = service('other/db', '10.96.0.8')
  expect(hosts(told([other, kubernetes, service('default/db', '10.96.0.7')]))).toEqual([
    ['DB_SERVICE_HOST', '10.96.0.7'],
    ['KUBERNETES_SERVICE_HOST', '10.96.0.1'],
  ])
})

test('a pod that wants no links is told of the API server all the same', () => {
  expect(hosts(told([kubernetes, service('default/db', '10.96.0.7')], false))).toEqual([
    ['KUBERNETES_SERVICE_HOST', '10.96.0.1'],
  ])
})

test('another Service called kubernetes hides nothing', () => {
  const pod = buildPod('web')
  const own = service('elsewhere/kubernetes', '10.96.0.9')
  const variables = serviceVariables([kubernetes, own], { ...pod, name: own.name })
  expect(variables.get('KUBERNETES_SERVICE_HOST')).toBe('10.96.0.1')
})

test('a Service without an address is not told', () => {
  expect(told([{ ...kubernetes, clusterIPs: [] }])).toEqual({})
})
