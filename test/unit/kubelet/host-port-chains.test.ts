import { expect, test } from 'vitest'
import { chainRemoval } from '../../../src/kubelet/runtime/host-port-chains.ts'

const OTHERS = ['*filter', ':INPUT ACCEPT [0:0]', '-A INPUT -j DROP', 'COMMIT']
const CHAINS = [
  '*nat',
  ':PREROUTING ACCEPT [0:0]',
  ':CNI-HOSTPORT-DNAT - [0:0]',
  ':CNI-HOSTPORT-MASQ - [0:0]',
  '-A PREROUTING -j KUBE-SERVICES',
  '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
  '-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
  '-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE',
]
const saved = (...lines: readonly string[]) => [...OTHERS, ...CHAINS, ...lines, 'COMMIT', ''].join('\n')

test('chains that no pod needs go with what leads into them, and nothing else does', () => {
  expect(chainRemoval(saved())?.split('\n')).toEqual([
    '*nat',
    '-D PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
    '-D POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
    '-F CNI-HOSTPORT-DNAT',
    '-F CNI-HOSTPORT-MASQ',
    '-X CNI-HOSTPORT-DNAT',
    '-X CNI-HOSTPORT-MASQ',
    'COMMIT',
    '',
  ])
})

test('chains with the port of a pod stay', () => {
  expect(chainRemoval(saved('-A CNI-HOSTPORT-DNAT -p tcp --dports 80 -j CNI-DN-e25'))).toBeUndefined()
})

test('where there are none, nothing is done', () => {
  expect(chainRemoval(OTHERS.join('\n'))).toBeUndefined()
  expect(chainRemoval('')).toBeUndefined()
})
