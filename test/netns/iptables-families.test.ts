import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { expressionsText } from '../../src/dataplane/iptables/expressions-text.ts'
import { TABLES } from '../../src/dataplane/iptables/rule.ts'
import { NftablesSocket } from '../../src/native/nftables.ts'
import type { IpFamily } from '../../src/util/address.ts'
import { IptablesProxy, iptablesConfig, iptablesSave } from '../support/iptables-world.ts'
import { Netns } from '../support/netns.ts'
import { address, cidr, port, service, serviceChange, slice, sliceChange } from '../support/services.ts'

const PLACES = {
  IPv4: {
    vip: (n: number) => `10.96.0.${n}`,
    endpoint: (n: number) => `10.1.0.${n}`,
    balancer: '192.0.2.2',
    pods: ['10.1.0.0/16', '10.2.128.0/17'],
    ranges: ['198.51.100.0/25', '172.16.0.0/12'],
    nft: 'ip',
    program: 'iptables-nft',
  },
  IPv6: {
    vip: (n: number) => `fd00:96::${n}`,
    endpoint: (n: number) => `fd00:1::${n}`,
    balancer: 'fd00:c0::2',
    pods: ['fd00:1::/48', 'fd00:2::/62'],
    ranges: ['fd00:dead::/64', 'fd00:beef::/61'],
    nft: 'ip6',
    program: 'ip6tables-nft',
  },
} as const

describe.each(['IPv4', 'IPv6'] as const satisfies readonly IpFamily[])(
  'iptables backend: %s rules',
  (family) => {
    const { vip, endpoint, balancer, pods, ranges, nft, program } = PLACES[family]
    let netns: Netns
    let proxy: IptablesProxy
    let socket: NftablesSocket

    beforeEach(async () => {
      netns = await Netns.create('iptables')
      const config = iptablesConfig(family, {
        podCidrs: pods.map(cidr),
        masqueradePodEgress: true,
        localhostNodePorts: true,
      })
      proxy = await IptablesProxy.open(netns, config)
      socket = await NftablesSocket.open({ netns: netns.path })
      const protocols = (['TCP', 'UDP', 'SCTP'] as const).map((protocol) => ({ name: protocol, protocol }))
      const exposed = service('all', vip(1), {
        type: 'LoadBalancer',
        ports: protocols.map((fields) => port({ ...fields, nodePort: 30080 })),
        loadBalancerIPs: [address(balancer)],
        loadBalancerSourceRanges: ranges.map(cidr),
        affinitySeconds: 10_800,
        externalTrafficPolicy: 'Local',
        healthCheckNodePort: 32000,
      })
      await proxy.rebuild(
        serviceChange(exposed),
        sliceChange(
          slice('all', [endpoint(1), endpoint(2), endpoint(3)], {
            ports: protocols.map((fields) => ({ ...fields, port: 8080 })),
          }),
        ),
        serviceChange({ ...exposed, name: service('none', vip(2)).name, clusterIPs: [address(vip(2))] }),
      )
    })

    afterEach(async () => {
      await socket.close()
      await proxy.backend.close()
      await netns.dispose()
    })

    const expressions = async (): Promise<string[]> => {
      const rules = await Promise.all(TABLES.map((table) => socket.dumpRules(nft, table)))
      return rules
        .flat()
        .map((rule) => `${rule.chain} ${expressionsText(rule.expressions)}`)
        .sort()
    }

    it('are kept byte for byte by what saves and restores them', async () => {
      const before = await expressions()
      const listing = await iptablesSave(netns, family)
      expect(listing.filter((line) => line.startsWith('-A'))).toHaveLength(before.length)
      await netns.exec('sh', '-c', `${program}-save | ${program}-restore`)
      expect(await iptablesSave(netns, family)).toEqual(listing)
      expect(await expressions()).toEqual(before)
    })

    it('are found intact by the audit, and gone after the removal', async () => {
      expect(await proxy.backend.audit()).toEqual([])
      await proxy.backend.remove()
      expect(await expressions()).toEqual([])
    })

    it('mark for masquerade what is outside of every pod CIDR, and masquerade what pods send elsewhere', async () => {
      const listing = await iptablesSave(netns, family)
      expect(listing.filter((line) => line.startsWith('-A KUBE-MARK-OUTSIDE'))).toEqual([
        ...pods.map((source) => `-A KUBE-MARK-OUTSIDE -s ${source} -j RETURN`),
        '-A KUBE-MARK-OUTSIDE -j KUBE-MARK-MASQ',
      ])
      expect(listing.filter((line) => line.startsWith('-A KUBE-POD-EGRESS')).at(-1)).toBe(
        '-A KUBE-POD-EGRESS -j MASQUERADE --random-fully',
      )
      expect(listing.filter((line) => line.endsWith('-j KUBE-POD-EGRESS'))).toHaveLength(pods.length)
    })
  },
)
