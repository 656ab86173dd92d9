import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { frontendKey } from '../../src/dataplane/desired/frontend.ts'
import { expressionsText } from '../../src/dataplane/iptables/expressions-text.ts'
import { TABLES } from '../../src/dataplane/iptables/rule.ts'
import { NftablesSocket, type RuleInfo } from '../../src/native/nftables.ts'
import { IptablesProxy, iptablesConfig, iptablesSave } from '../support/iptables-world.ts'
import { Netns } from '../support/netns.ts'
import {
  address,
  cidr,
  goneChange,
  port,
  service,
  serviceChange,
  slice,
  sliceChange,
} from '../support/services.ts'

/** One Service with every kind of frontend, one with affinity and none to take a connection. */
const WORLD = [
  serviceChange(
    service('kubernetes', '10.96.0.1', {
      type: 'LoadBalancer',
      ports: [port({ name: 'https', port: 443, nodePort: 30443 })],
      externalIPs: [address('192.0.2.1')],
      loadBalancerIPs: [address('192.0.2.2')],
      loadBalancerSourceRanges: [cidr('198.51.100.0/24')],
      healthCheckNodePort: 32000,
    }),
  ),
  sliceChange(
    slice('kubernetes', ['10.1.0.2', '10.1.0.3'], {
      ports: [{ name: 'https', protocol: 'TCP', port: 6443 }],
    }),
  ),
  serviceChange(service('empty', '10.96.0.9', { ports: [port({ protocol: 'SCTP' })], affinitySeconds: 5 })),
]
const emptyGetsEndpoint = sliceChange(
  slice('empty', ['10.1.0.4'], { ports: [{ name: '', protocol: 'SCTP', port: 80 }] }),
)

const FILTER_WORLD = `
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A KUBE-CLUSTER-IPS -d 10.96.0.1/32 -m comment --comment "default/kubernetes has no such port" -j KUBE-REFUSE
-A KUBE-CLUSTER-IPS -d 10.96.0.9/32 -m comment --comment "default/empty has no such port" -j KUBE-REFUSE
-A KUBE-CLUSTER-IPS -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-NODEPORTS -p tcp -m comment --comment "default/kubernetes:https health check node port" -m tcp --dport 32000 -j ACCEPT
-A KUBE-PROXY-FIREWALL -d 192.0.2.2/32 -p tcp -m comment --comment "default/kubernetes:https traffic not accepted by KUBE-FW-NPX46M4PTMTKRN6Y" -m tcp --dport 443 -j DROP
-A KUBE-REFUSE -p tcp -j REJECT --reject-with tcp-reset
-A KUBE-REFUSE -j REJECT --reject-with icmp-port-unreachable
-A KUBE-SERVICES -d 10.96.0.9/32 -p sctp -m comment --comment "default/empty has no endpoints" -m sctp --dport 80 -j REJECT --reject-with icmp-port-unreachable
-A KUBE-SERVICES -d 10.96.0.0/16 -m comment --comment "cluster addresses and ports without a Service" -j KUBE-CLUSTER-IPS
`
const NAT_WORLD = `
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-EXT-NPX46M4PTMTKRN6Y -m comment --comment "masquerade traffic for default/kubernetes:https external destinations" -j KUBE-MARK-MASQ
-A KUBE-EXT-NPX46M4PTMTKRN6Y -j KUBE-SVC-NPX46M4PTMTKRN6Y
-A KUBE-FW-NPX46M4PTMTKRN6Y -s 198.51.100.0/24 -m comment --comment "default/kubernetes:https loadbalancer IP" -j KUBE-EXT-NPX46M4PTMTKRN6Y
-A KUBE-FW-NPX46M4PTMTKRN6Y -m comment --comment "other traffic to default/kubernetes:https will be dropped by KUBE-PROXY-FIREWALL"
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-NODEPORTS -p tcp -m comment --comment "default/kubernetes:https" -m tcp --dport 30443 -j KUBE-EXT-NPX46M4PTMTKRN6Y
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-SEP-E3C2RGJHECVBEN5K -s 10.1.0.3/32 -m comment --comment "default/kubernetes:https" -j KUBE-MARK-MASQ
-A KUBE-SEP-E3C2RGJHECVBEN5K -p tcp -m comment --comment "default/kubernetes:https" -m tcp -j DNAT --to-destination 10.1.0.3:6443
-A KUBE-SEP-N74ULCFNZEVUFBIO -s 10.1.0.2/32 -m comment --comment "default/kubernetes:https" -j KUBE-MARK-MASQ
-A KUBE-SEP-N74ULCFNZEVUFBIO -p tcp -m comment --comment "default/kubernetes:https" -m tcp -j DNAT --to-destination 10.1.0.2:6443
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/kubernetes:https cluster IP" -m tcp --dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y
-A KUBE-SERVICES -d 192.0.2.1/32 -p tcp -m comment --comment "default/kubernetes:https external IP" -m tcp --dport 443 -j KUBE-EXT-NPX46M4PTMTKRN6Y
-A KUBE-SERVICES -d 192.0.2.2/32 -p tcp -m comment --comment "default/kubernetes:https loadbalancer IP" -m tcp --dport 443 -j KUBE-FW-NPX46M4PTMTKRN6Y
-A KUBE-SERVICES -d 172.20.0.1/32 -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -j KUBE-NODEPORTS
-A KUBE-SVC-NPX46M4PTMTKRN6Y ! -s 10.1.0.0/16 -d 10.96.0.1/32 -p tcp -m comment --comment "default/kubernetes:https cluster IP" -m tcp --dport 443 -j KUBE-MARK-MASQ
-A KUBE-SVC-NPX46M4PTMTKRN6Y -m comment --comment "default/kubernetes:https -> 10.1.0.2:6443" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-N74ULCFNZEVUFBIO
-A KUBE-SVC-NPX46M4PTMTKRN6Y -m comment --comment "default/kubernetes:https -> 10.1.0.3:6443" -j KUBE-SEP-E3C2RGJHECVBEN5K
`

/** What a former kube-proxy, and others, have left in the tables. */
const BEFORE = `*mangle
:KUBE-PROXY-CANARY - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-IPTABLES-HINT - [0:0]
COMMIT
*filter
:INPUT DROP [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate NEW -j KUBE-SERVICES
-A KUBE-FIREWALL -d 127.0.0.0/8 -j DROP
-A KUBE-SERVICES -d 10.96.0.77/32 -p tcp -m tcp --dport 80 -j REJECT
COMMIT
*nat
:KUBE-SERVICES - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
:KUBE-SEP-BBBBBBBBBBBBBBBB - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j ACCEPT
-A PREROUTING -j KUBE-SERVICES
-A CNI-HOSTPORT-SETMARK -s 10.2.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-MARK-MASQ -j MARK --or-mark 0x8000
-A KUBE-SERVICES -d 10.96.0.77/32 -p tcp -m tcp --dport 81 -j KUBE-SVC-AAAAAAAAAAAAAAAA
-A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-BBBBBBBBBBBBBBBB
-A KUBE-SEP-BBBBBBBBBBBBBBBB -p tcp -j DNAT --to-destination 10.1.0.77:80
COMMIT
`

const rulesOf = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('-A'))

describe('iptables backend: the tables as iptables-nft sees them', () => {
  let netns: Netns
  let proxy: IptablesProxy
  let socket: NftablesSocket

  beforeEach(async () => {
    netns = await Netns.create('iptables')
    proxy = await IptablesProxy.open(netns, iptablesConfig('IPv4'))
    socket = await NftablesSocket.open({ netns: netns.path })
  })

  afterEach(async () => {
    await socket.close()
    await proxy.backend.close()
    await netns.dispose()
  })

  const save = async (): Promise<string[]> =>
    (await iptablesSave(netns, 'IPv4')).filter((line) => line.startsWith('-A'))
  const restore = async (rules: string): Promise<string> =>
    netns.exec('sh', '-c', `printf '%s' '${rules}' | iptables-nft-restore --noflush`)
  const rules = async (text: (rule: RuleInfo) => string): Promise<string[]> => {
    const [filter, nat] = await Promise.all(TABLES.map((table) => socket.dumpRules('ip', table)))
    return [
      ...(filter ?? []).map((rule) => `filter ${text(rule)}`),
      ...(nat ?? []).map((rule) => `nat ${text(rule)}`),
    ]
  }
  const handles = (): Promise<string[]> => rules(({ chain, handle }) => `${chain} ${handle}`)
  /** Chain by chain: the kernel lists chains in the order in which they were made. */
  const expressions = async (): Promise<string[]> =>
    (await rules(({ chain, expressions }) => `${chain} ${expressionsText(expressions)}`)).sort()

  it('lists every kind of frontend in the words of kube-proxy', async () => {
    await proxy.rebuild(...WORLD)
    expect(await save()).toEqual([...rulesOf(FILTER_WORLD), ...rulesOf(NAT_WORLD)])
    expect(await proxy.backend.audit()).toEqual([])
  })

  it('asks for masquerade with the bit of the mark that it is told', async () => {
    await proxy.backend.close()
    proxy = await IptablesProxy.open(netns, iptablesConfig('IPv4', { masqueradeMark: 2 ** 31 }))
    await proxy.rebuild(...WORLD)
    expect((await save()).filter((line) => line.includes('mark '))).toEqual([
      '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x80000000/0x80000000 -j ACCEPT',
      '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x80000000/0x80000000',
      '-A KUBE-POSTROUTING -m mark ! --mark 0x80000000/0x80000000 -j RETURN',
      '-A KUBE-POSTROUTING -j MARK --set-xmark 0x80000000/0x0',
    ])
    expect(await proxy.backend.audit()).toEqual([])
  })

  it.each([
    { kind: 'addresses', fields: {} },
    { kind: 'an interface', fields: { podInterface: { name: 'cni0', isPrefix: false } } },
    { kind: 'a prefix of interfaces', fields: { podInterface: { name: 'veth', isPrefix: true } } },
  ])(
    'is saved and restored by iptables-nft without a change, where pods are told by $kind',
    async ({ fields }) => {
      await proxy.backend.close()
      proxy = await IptablesProxy.open(netns, iptablesConfig('IPv4', fields))
      await proxy.rebuild(...WORLD)
      const listing = await save()
      const before = await expressions()
      await netns.exec('sh', '-c', 'iptables-nft-save | iptables-nft-restore')
      expect(await save()).toEqual(listing)
      // Byte for byte: what iptables-nft makes of its own words is what it was given.
      expect(await expressions()).toEqual(before)
    },
  )

  it('is listed by iptables-nft -L', async () => {
    await proxy.rebuild(...WORLD)
    expect(await netns.exec('iptables-nft', '-t', 'nat', '-nL', 'KUBE-SVC-NPX46M4PTMTKRN6Y')).toContain(
      'default/kubernetes:https -> 10.1.0.2:6443 */ statistic mode random probability 0.50000000000',
    )
  })

  it('reaches the same rules change by change and from scratch', async () => {
    await proxy.rebuild()
    for (const change of [...WORLD, emptyGetsEndpoint]) await proxy.update(change)
    expect(await proxy.backend.audit()).toEqual([])
    const incremental = (await save()).sort()
    await proxy.rebuild()
    expect((await save()).sort()).toEqual(incremental)
  })

  it('leaves the rules of other Services alone', async () => {
    await proxy.rebuild(...WORLD, emptyGetsEndpoint)
    const before = await handles()
    const generation = await socket.generation()
    await proxy.update(
      sliceChange(
        slice('empty', ['10.1.0.4', '10.1.0.5'], { ports: [{ name: '', protocol: 'SCTP', port: 80 }] }),
      ),
    )
    const after = await handles()
    const gone = before.filter((rule) => !after.includes(rule))
    // Three: masquerade of outsiders, the remembered client, the one endpoint.
    expect(gone.map((rule) => rule.replace(/ \d+$/, ''))).toEqual(
      Array.from({ length: 3 }, () => 'nat KUBE-SVC-5T5R4T4QFBF7BCX7'),
    )
    expect(await socket.generation()).toBe(generation + 1)
    expect(await proxy.backend.audit()).toEqual([])
  })

  it('takes away all of a Service that is gone, and nothing else', async () => {
    await proxy.rebuild(...WORLD)
    const before = await iptablesSave(netns, 'IPv4')
    const more = [serviceChange(service('more', '10.96.0.2')), sliceChange(slice('more', ['10.1.0.7']))]
    await proxy.update(...more)
    expect(await iptablesSave(netns, 'IPv4')).not.toEqual(before)
    await proxy.update(...more.map(goneChange))
    expect(await iptablesSave(netns, 'IPv4')).toEqual(before)
  })

  it('sends nothing when nothing changes', async () => {
    await proxy.rebuild(...WORLD)
    const generation = await socket.generation()
    await proxy.update(...WORLD)
    expect(await socket.generation()).toBe(generation)
  })

  it('takes over what a kube-proxy left, in one step, in front of what others have', async () => {
    await restore(BEFORE)
    const generation = await socket.generation()
    await proxy.rebuild(...WORLD)
    expect(await socket.generation()).toBe(generation + 1)
    const listing = await save()
    expect(listing).not.toContainEqual(expect.stringMatching(/10\.96\.0\.77|KUBE-SVC-A|KUBE-SEP-B|0x8000/))
    const foreign = [
      '-A INPUT -i lo -j ACCEPT',
      '-A KUBE-FIREWALL -d 127.0.0.0/8 -j DROP',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j ACCEPT',
      '-A CNI-HOSTPORT-SETMARK -s 10.2.0.0/16 -j KUBE-MARK-MASQ',
    ]
    expect(listing.filter((line) => foreign.includes(line)).sort()).toEqual([...foreign].sort())
    expect(listing.filter((line) => !foreign.includes(line))).toEqual([
      ...rulesOf(FILTER_WORLD),
      ...rulesOf(NAT_WORLD),
    ])
    expect(listing.filter((line) => line.startsWith('-A PREROUTING'))).toEqual([
      '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j ACCEPT',
    ])
    const everything = await iptablesSave(netns, 'IPv4')
    expect(everything).toContain(':INPUT DROP')
    expect(everything.filter((line) => /CANARY|HINT/.test(line))).toEqual([
      ':KUBE-IPTABLES-HINT -',
      ':KUBE-KUBELET-CANARY -',
    ])
    expect(await proxy.backend.audit()).toEqual([])
  })

  it('removes all that is ours and nothing else', async () => {
    const others = '*nat\n:MINE - [0:0]\n-A PREROUTING -j MINE\nCOMMIT\n'
    await restore(others)
    await proxy.rebuild(...WORLD)
    await proxy.backend.remove()
    expect(await save()).toEqual(['-A PREROUTING -j MINE'])
    expect((await iptablesSave(netns, 'IPv4')).join('\n')).not.toContain('KUBE-')
    await proxy.backend.remove()
  })

  it('leaves masquerade to those who still jump to KUBE-MARK-MASQ', async () => {
    await restore(BEFORE)
    await proxy.rebuild(...WORLD)
    await proxy.backend.remove()
    const kept = (await save()).filter((line) => line.includes('KUBE-') && !line.includes('KUBE-FIREWALL'))
    expect(kept).toEqual([
      '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
      '-A CNI-HOSTPORT-SETMARK -s 10.2.0.0/16 -j KUBE-MARK-MASQ',
      '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
      '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
      '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
      '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
    ])
  })

  it('finds what somebody else changed, and a rebuild repairs it', async () => {
    await proxy.rebuild(...WORLD)
    await netns.exec('iptables-nft', '-t', 'nat', '-F', 'KUBE-SEP-E3C2RGJHECVBEN5K')
    await netns.exec('iptables-nft', '-t', 'nat', '-D', 'KUBE-NODEPORTS', '1')
    await netns.exec('iptables-nft', '-t', 'nat', '-D', 'PREROUTING', '1')
    await netns.exec('iptables-nft', '-t', 'nat', '-N', 'KUBE-SVC-AAAAAAAAAAAAAAAA')
    expect(await proxy.backend.audit()).toEqual([
      'table nat: chain KUBE-NODEPORTS lacks -p tcp -m comment --comment "default/kubernetes:https" -m tcp --dport 30443 -j KUBE-EXT-NPX46M4PTMTKRN6Y',
      'table nat: chain KUBE-SEP-E3C2RGJHECVBEN5K has other rules',
      'table nat: chain KUBE-SVC-AAAAAAAAAAAAAAAA is not ours',
      'table nat: chain PREROUTING lacks -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    ])
    await proxy.rebuild()
    expect(await proxy.backend.audit()).toEqual([])
    expect(await save()).toEqual([...rulesOf(FILTER_WORLD), ...rulesOf(NAT_WORLD)])
  })

  it('asks for no more than the generation while nothing has changed since an audit that found nothing', async () => {
    await proxy.rebuild(...WORLD)
    expect(await proxy.backend.audit()).toEqual([])
    const { messages } = proxy.backend.stats()
    expect(await proxy.backend.audit()).toEqual([])
    expect(proxy.backend.stats().messages).toBe(messages + 1)
    await netns.exec('iptables-nft', '-t', 'nat', '-F', 'KUBE-MARK-MASQ')
    expect(await proxy.backend.audit()).toEqual(['table nat: chain KUBE-MARK-MASQ has other rules'])
  })

  it('describes a frontend by the rules that decide about it', async () => {
    await proxy.rebuild(...WORLD)
    const lines = proxy.backend.describe(frontendKey(undefined, 'TCP', 30443))
    expect(lines.map((line) => line.replace(/ -m comment.* -j /, ' -j '))).toEqual([
      '-t nat -A KUBE-NODEPORTS -p tcp -j KUBE-EXT-NPX46M4PTMTKRN6Y',
      '-t nat -A KUBE-EXT-NPX46M4PTMTKRN6Y -j KUBE-MARK-MASQ',
      '-t nat -A KUBE-EXT-NPX46M4PTMTKRN6Y -j KUBE-SVC-NPX46M4PTMTKRN6Y',
      '-t nat -A KUBE-SVC-NPX46M4PTMTKRN6Y ! -s 10.1.0.0/16 -d 10.96.0.1/32 -p tcp -j KUBE-MARK-MASQ',
      '-t nat -A KUBE-SVC-NPX46M4PTMTKRN6Y -j KUBE-SEP-N74ULCFNZEVUFBIO',
      '-t nat -A KUBE-SVC-NPX46M4PTMTKRN6Y -j KUBE-SEP-E3C2RGJHECVBEN5K',
      '-t nat -A KUBE-SEP-N74ULCFNZEVUFBIO -s 10.1.0.2/32 -j KUBE-MARK-MASQ',
      '-t nat -A KUBE-SEP-N74ULCFNZEVUFBIO -p tcp -j DNAT --to-destination 10.1.0.2:6443',
      '-t nat -A KUBE-SEP-E3C2RGJHECVBEN5K -s 10.1.0.3/32 -j KUBE-MARK-MASQ',
      '-t nat -A KUBE-SEP-E3C2RGJHECVBEN5K -p tcp -j DNAT --to-destination 10.1.0.3:6443',
    ])
    expect(proxy.backend.describe(frontendKey(undefined, 'UDP', 30443))).toEqual([])
  })

  it('says that its state is stale when its rules are gone', async () => {
    await proxy.rebuild(...WORLD)
    await netns.exec('nft', 'delete', 'table', 'ip', 'nat')
    await expect(proxy.update(emptyGetsEndpoint)).rejects.toMatchObject({ code: 'ENOENT' })
    await proxy.rebuild()
    expect(await proxy.backend.audit()).toEqual([])
  })
})
