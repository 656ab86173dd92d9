import { type Expression, NftablesSocket, NftTransaction } from '../../src/native/nftables.ts'
import { endpointPort, firstClusterIp, firstPodIp, servicePort } from '../model.ts'
import { numberBytes } from './number-bytes.ts'

/** Registers that nft itself would take: the first, and the second of those of 16 bytes. */
const FIRST = 1
const SECOND = 2

/** `ip daddr VIP th dport 80 dnat to POD:8080`: what no Service at that address could do with less. */
const rule: readonly Expression[] = [
  { expr: 'payload', base: 'network', offset: 16, length: 4, dreg: FIRST },
  { expr: 'cmp', sreg: FIRST, op: 'eq', data: numberBytes(firstClusterIp, 4) },
  { expr: 'payload', base: 'transport', offset: 2, length: 2, dreg: FIRST },
  { expr: 'cmp', sreg: FIRST, op: 'eq', data: numberBytes(servicePort, 2) },
  { expr: 'immediate', dreg: FIRST, data: numberBytes(firstPodIp, 4) },
  { expr: 'immediate', dreg: SECOND, data: numberBytes(endpointPort, 2) },
  { expr: 'nat', type: 'dnat', family: 'ip', addressMin: FIRST, protoMin: SECOND },
]

/** Makes a table with one chain with the one rule. */
export async function addFixedRule(netns: string): Promise<void> {
  const socket = await NftablesSocket.open({ netns })
  try {
    const transaction = new NftTransaction('ip', 'fixed').addTable()
    // NF_IP_PRI_NAT_DST of linux/netfilter_ipv4.h.
    transaction.addChain({ name: 'pre', hook: { type: 'nat', hook: 'prerouting', priority: -100 } })
    await socket.commit(transaction.addRule('pre', rule))
  } finally {
    await socket.close()
  }
}
