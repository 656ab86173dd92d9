import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { serveKubelet } from '../../../../src/kubelet/server/serve-kubelet.ts'
import { address } from '../../../support/services.ts'
import { ServedNode } from './served.ts'

let node: ServedNode

beforeAll(async () => {
  node = await ServedNode.start()
})

afterAll(() => node?.dispose())

it('an address that somebody else has is told with what to do', async () => {
  const bind = { address: address('127.0.0.1'), port: node.port }
  await expect(serveKubelet({ ...node.options(), bind, registry: new Registry() })).rejects.toMatchObject({
    code: 'ADDRESS_UNUSABLE',
    message: expect.stringMatching(
      /^cannot serve the node's API at 127\.0\.0\.1:\d+: .*EADDRINUSE.* \(end who else listens there/,
    ),
  })
})

it.each([
  ['a certificate that is none', async () => ({ ...node.material, cert: Buffer.from('none') })],
  ['files that are not there', () => Promise.reject(new Error('ENOENT: no such file'))],
])('%s is told with the flags that it comes from', async (_, read) => {
  await expect(
    serveKubelet({ ...node.options(), tls: { read }, registry: new Registry() }),
  ).rejects.toMatchObject({
    code: 'CERTIFICATE_UNUSABLE',
    message: expect.stringContaining('(check --tls-cert-file, --tls-private-key-file and --client-ca-file)'),
  })
})

it('whatever strangers ask for, the labels of metrics are few', async () => {
  for (const path of ['/no', '/such/path', '/metrics/no', '/exec/a/b/c', '/constructor', '/%zz'])
    await node.ask('GET', path)
  await node.ask('PROPFIND', '/pods')
  const text = await node.registry.metrics()
  const counted = [...text.matchAll(/^kubelet_http_requests_total\{method="(.*?)",path="(.*?)".*\} (\d+)$/gm)]
  expect(counted.map(([, method, path, count]) => `${method} ${path} ${count}`).sort()).toEqual([
    'GET exec 1',
    'GET other 5',
    'other pods 1',
  ])
  expect(text).toContain('hawser_kubelet_open_streams{kind="containerLogs"} 0')
})

it('how long the certificate lasts is a metric', async () => {
  const [, seconds] =
    /kubelet_certificate_manager_server_ttl_seconds (\d+)/.exec(await node.registry.metrics()) ?? []
  // The tests' authority gives it a day.
  expect(Number(seconds)).toBeGreaterThan(0)
  expect(Number(seconds)).toBeLessThanOrEqual(86_400)
})
