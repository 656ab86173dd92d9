import { NftTransaction } from '../../native/nftables.ts'
import type { IpAddress, IpFamily } from '../../util/address.ts'
import type { Chain } from '../nf-table/chain.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { RecordWriter } from '../nf-table/records.ts'
import { destinationInSet, goto, rejectOther, rejectTcp, rule } from '../nf-table/statements.ts'
import { setLayout, setSpec, TABLE } from './layout.ts'
import { isNew } from './statements.ts'

/**
 * What takes the place of the table once another mode serves. New connections to VIPs are that mode's, whose chains
 * translate them before this machine takes them for its own. What comes through to it nevertheless no Service has, and
 * what listens on all of the machine's addresses must not answer it. In a filter chain, since the order of two nat
 * chains of one priority would depend on which mode's is older.
 */
function retirementChains(family: IpFamily): readonly Chain[] {
  return [
    { name: 'reject-it', rules: [rejectTcp, rejectOther(family)] },
    {
      name: 'input',
      // NF_IP_PRI_FILTER of linux/netfilter_ipv4.h: ahead of IPVS, which is at NF_IP_PRI_NAT_SRC - 2.
      hook: { type: 'filter', hook: 'input', priority: 0 },
      rules: [rule(isNew, destinationInSet(family, 'vips'), goto('reject-it'))],
    },
  ]
}

/** Replaces the table with one that only keeps VIPs from being served by this machine itself. */
export function retireTable(family: IpFamily, vips: Iterable<IpAddress>): NftTransaction {
  const layout = setLayout('vips', family)
  const transaction = new NftTransaction(nftFamily(family), TABLE)
  transaction.destroyTable().addTable().addSet(setSpec('vips', family))
  const chains = retirementChains(family)
  for (const chain of chains) transaction.addChain(chain)
  for (const { name, rules } of chains) for (const one of rules) transaction.addRule(name, one)
  const records = new RecordWriter(layout.width)
  for (const vip of vips) records.begin().address(vip)
  if (records.count > 0) transaction.addElements('vips', records.bytes, layout)
  return transaction
}

export const removeTable = (family: IpFamily): NftTransaction =>
  new NftTransaction(nftFamily(family), TABLE).destroyTable()
