import { describe, expect, it } from 'vitest'
import { isProxyChain, portChainName } from '../../../../src/dataplane/iptables/names.ts'

describe('names of chains', () => {
  it('are those that kube-proxy gives the API server of every cluster', () => {
    expect(portChainName('SVC', 'default/kubernetes:https', 'tcp')).toBe('KUBE-SVC-NPX46M4PTMTKRN6Y')
    expect(portChainName('SVC', 'kube-system/kube-dns:dns', 'udp')).toBe('KUBE-SVC-TCOU7JCQXEZGVUNU')
    expect(portChainName('SVC', 'kube-system/kube-dns:dns-tcp', 'tcp')).toBe('KUBE-SVC-ERIFXISQEP7F7OF4')
    expect(portChainName('SVC', 'kube-system/kube-dns:metrics', 'tcp')).toBe('KUBE-SVC-JD5MR3NA4I4DYORP')
  })

  it('differ by kind only in their prefix, and by endpoint in their hash', () => {
    expect(portChainName('EXT', 'default/kubernetes:https', 'tcp')).toBe('KUBE-EXT-NPX46M4PTMTKRN6Y')
    const [first, second] = ['10.1.0.1:80', '10.1.0.2:80'].map((endpoint) =>
      portChainName('SEP', 'default/web', 'tcp', endpoint),
    )
    expect(first).toMatch(/^KUBE-SEP-[A-Z2-7]{16}$/)
    expect(first).not.toBe(second)
  })

  it.each([
    ['nat', 'KUBE-SVC-NPX46M4PTMTKRN6Y', true],
    ['nat', 'KUBE-XLB-NPX46M4PTMTKRN6Y', true],
    ['nat', 'KUBE-MARK-MASQ', true],
    ['nat', 'KUBE-PROXY-CANARY', true],
    ['filter', 'KUBE-FORWARD', true],
    ['filter', 'KUBE-MARK-MASQ', false],
    ['filter', 'KUBE-FIREWALL', false],
    ['nat', 'KUBE-KUBELET-CANARY', false],
    ['nat', 'KUBE-SVC-short', false],
    ['nat', 'KUBE-IPVLAN', false],
  ] as const)('tell whose %s chain %s is', (table, name, ours) => {
    expect(isProxyChain(table, name)).toBe(ours)
  })
})
