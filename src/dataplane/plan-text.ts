import { Pacer } from '../util/pacer.ts'
import type { Frontend } from './desired/frontend.ts'
import type { FamilyConfig } from './family-config.ts'
import { formatPlan as formatIptablesPlan } from './iptables/format-plan.ts'
import { PlanBuilder as IptablesPlanBuilder } from './iptables/plan-builder.ts'
import { TableState as IptablesState } from './iptables/table-state.ts'
import { takeOver } from './iptables/takeover.ts'
import { formatPlan as formatIpvsPlan } from './ipvs/format-plan.ts'
import { DEFAULT_IPVS_SETTINGS, type IpvsSettings } from './ipvs/ipvs-config.ts'
import { IpvsState } from './ipvs/ipvs-state.ts'
import { PlanBuilder as IpvsPlanBuilder } from './ipvs/plan-builder.ts'
import { formatPlan as formatNftablesPlan } from './nftables/format-plan.ts'
import { PlanBuilder as NftablesPlanBuilder } from './nftables/plan-builder.ts'
import { TableState as NftablesState } from './nftables/table-state.ts'
import type { ProxyMode } from './proxy-modes.ts'

/**
 * What a mode would put into a kernel that has nothing of it for the frontends of one family, one object a line in the
 * words of that mode's own tool. The kernel is not asked.
 */
export async function planText(
  mode: ProxyMode,
  config: FamilyConfig,
  frontends: Iterable<Frontend>,
  ipvs: IpvsSettings = DEFAULT_IPVS_SETTINGS,
): Promise<readonly string[]> {
  const pacer = new Pacer()
  const addTo = async <Builder extends { add(key: Frontend['key'], after: Frontend): void }>(
    builder: Builder,
  ): Promise<Builder> => {
    for (const frontend of frontends) {
      builder.add(frontend.key, frontend)
      if (pacer.due()) await pacer.pause()
    }
    return builder
  }
  switch (mode) {
    case 'nftables': {
      const builder = await addTo(new NftablesPlanBuilder(config, new NftablesState()))
      return formatNftablesPlan((await builder.finish(pacer)).plan)
    }
    case 'ipvs': {
      const builder = await addTo(new IpvsPlanBuilder({ ...config, ...ipvs }, new IpvsState()))
      return formatIpvsPlan(builder.finish().plan)
    }
    case 'iptables': {
      const builder = await addTo(new IptablesPlanBuilder(config, new IptablesState()))
      const { plan } = await builder.finish(pacer)
      return formatIptablesPlan(takeOver(plan, { generation: 0, tables: [] }, config))
    }
  }
}
