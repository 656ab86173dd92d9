import { chmod, chown } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { ProxyDaemon } from '../support/proxy-daemon.ts'
import { PLACES, ServiceWorld } from '../support/service-world.ts'

const VIP = '10.96.0.10'
const NOBODY = 65_534

const manifest = (endpoint: string): string => `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: ${VIP}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: '', port: 8080, protocol: TCP}]
endpoints: [{addresses: [${endpoint}], nodeName: here}]
`

const ONE_CAPABILITY = ['--bounding-set=-all,+net_admin', '--no-new-privs']

/** What the manifests in deploy/ give it. */
const PRIVILEGES: Readonly<Record<string, { readonly user: number; readonly under: readonly string[] }>> = {
  'root with one capability, who cannot write sysctls (the DaemonSet)': {
    user: 0,
    under: [
      ...['unshare', '--mount', 'sh', '-c', 'mount -o bind,ro /proc/sys /proc/sys && exec "$@"', 'sh'],
      ...['setpriv', ...ONE_CAPABILITY],
    ],
  },
  'a user of its own with one capability (the systemd unit)': {
    user: NOBODY,
    under: [
      'setpriv',
      ...[`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'],
      ...['--inh-caps=-all,+net_admin', '--ambient-caps=-all,+net_admin', ...ONE_CAPABILITY],
    ],
  },
}

let world: ServiceWorld
let daemon: ProxyDaemon | undefined

beforeAll(async () => {
  world = await ServiceWorld.create(1)
})
afterAll(() => world?.dispose())
afterEach(async () => {
  await daemon?.stop()
  await daemon?.cleanup()
  await daemon?.dispose()
})

it.each(Object.entries(PRIVILEGES))('hawser proxy serves in every mode as %s', async (_, { user, under }) => {
  const made = await ProxyDaemon.create(world.node, under)
  daemon = made
  await made.save('web.yaml', manifest(world.servers[0]?.addresses.IPv4 ?? ''))
  // Its state folder comes to be in here.
  await chown(dirname(made.folder), user, user)
  await chmod(dirname(made.folder), 0o755)
  for (const mode of ['iptables', 'nftables']) {
    await made.start('--cluster-cidr', PLACES.IPv4.podCidr, '--proxy-mode', mode)
    const answer = await world.client.ask({ protocol: 'TCP', address: VIP, port: 80 })
    expect([mode, answer.kind]).toEqual([mode, 'answered'])
    expect((await made.status()).families.map(({ error }) => error)).toEqual([null, null])
    await made.stop()
  }
  const rules = await world.node.exec('nft', 'list', 'ruleset')
  expect([rules.includes('table ip hawser'), rules.includes('KUBE-SVC-')]).toEqual([true, false])
})
