import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import type { PodEventReport } from '../../src/kubelet/events/pod-event-report.ts'
import { removeHostPortChains } from '../../src/kubelet/runtime/host-port-chains.ts'
import { parseService } from '../../src/sources/objects/service.ts'
import { ip } from '../support/addresses.ts'
import { eventually } from '../support/eventually.ts'
import { writtenPod } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'

const events: PodEventReport[] = []
const used = usePodMachine(undefined, {
  clusterDns: { addresses: [ip('10.96.0.10')], domain: 'cluster.local' },
  waitsForServices: true,
  onEvent: (event) => events.push(event),
})

test('containers wait until Services are known, and are told of them', async () => {
  const { node } = used
  const pod = writtenPod('linked', {}, { env: [{ name: 'URL', value: 'http://$(SHOP_SERVICE_HOST)' }] })
  node.set(pod)
  const { message } = await node.waitFor(pod, ({ reason }) => reason === 'CreateContainerConfigError')
  expect(message).toContain('services have not yet been read at least once')
  const { value: object } = parseService({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'shop' },
    spec: { clusterIP: '10.96.0.7', ports: [{ port: 80 }] },
  })
  if (object === undefined) throw new Error('no Service')
  node.kubelet.apply([{ kind: 'Service', name: object.name, object }])
  node.kubelet.servicesComplete()
  await node.running(pod)
  expect(await node.output(pod, 'echo $URL $SHOP_PORT_80_TCP')).toBe('http://10.96.0.7 tcp://10.96.0.7:80')
})

test('a pod looks up names in the cluster first, beyond the limits of resolvers it is told so', async () => {
  const { node } = used
  const nameservers = ['192.0.2.1', '192.0.2.2', '192.0.2.3']
  const pod = writtenPod('resolves', { dnsConfig: { nameservers, options: [{ name: 'ndots', value: '2' }] } })
  node.set(pod)
  await node.running(pod)
  const lines = (await node.output(pod, 'cat /etc/resolv.conf')).split('\n')
  expect(lines.filter((line) => line.startsWith('nameserver'))).toEqual([
    'nameserver 10.96.0.10',
    'nameserver 192.0.2.1',
    'nameserver 192.0.2.2',
  ])
  expect(lines.find((line) => line.startsWith('search'))).toMatch(
    /^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/,
  )
  expect(lines).toContain('options ndots:2')
  expect(events).toContainEqual(
    expect.objectContaining({ uid: pod.uid, type: 'Warning', reason: 'DNSConfigForming' }),
  )
})

test('a pod has the name that it is given, and the names that it knows by itself', async () => {
  const { node } = used
  const pod = writtenPod('named', {
    hostname: 'db-0',
    subdomain: 'db',
    setHostnameAsFQDN: true,
    hostAliases: [{ ip: '192.0.2.9', hostnames: ['legacy', 'legacy.example'] }],
  })
  node.set(pod)
  const { podIPs } = await node.running(pod)
  expect(await node.output(pod, 'hostname')).toBe('db-0.db.default.svc.cluster.local')
  const hosts = await node.output(pod, 'cat /etc/hosts')
  expect(hosts).toContain(`${podIPs[0]}\tdb-0.db.default.svc.cluster.local\tdb-0`)
  expect(hosts).toContain('192.0.2.9\tlegacy\tlegacy.example')
})

test('a port of the node leads to the pod, from the pods of the node too, and goes with it', async () => {
  const { node, machine } = used
  const pod = writtenPod(
    'published',
    { terminationGracePeriodSeconds: 0 },
    {
      command: ['sh', '-c', 'echo here > /www/index.html; exec httpd -f -p 8080 -h /www'],
      ports: [{ containerPort: 8080, hostPort: 18080 }],
    },
  )
  node.set(pod)
  await node.running(pod)
  const asker = writtenPod('asks')
  node.set(asker)
  await node.running(asker)
  execFileSync('ip', ['-n', machine.netns, 'addr', 'add', '192.0.2.1/32', 'dev', 'lo'])
  const asked = () => node.output(asker, 'wget -q -O - http://192.0.2.1:18080/')
  expect(await eventually(asked)).toBe('here')

  const chains = () =>
    execFileSync('nsenter', [`--net=${machine.netnsPath}`, 'iptables-save'], { encoding: 'utf8' })
  await removeHostPortChains(machine.stateDir, 'IPv4', machine.netnsPath)
  expect(chains()).toContain('CNI-HOSTPORT-DNAT')
  node.unset(pod)
  await node.gone(pod)
  await removeHostPortChains(machine.stateDir, 'IPv4', machine.netnsPath)
  expect(chains()).not.toContain('CNI-HOSTPORT')
})
