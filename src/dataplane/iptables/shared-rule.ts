import type { FamilyConfig } from '../family-config.ts'
import type { SharedPlace } from './expected-chains.ts'
import type { PlacedRule } from './rule.ts'
import { serviceRules } from './service-rules.ts'
import type { TableState } from './table-state.ts'

/** What a rule of a Service in a shared chain says; undefined when there is no such rule. */
export function sharedRule(
  { service, index }: SharedPlace,
  state: TableState,
  config: FamilyConfig,
): PlacedRule | undefined {
  const programmed = state.services.get(service)
  if (programmed === undefined) return undefined
  return serviceRules([...programmed.frontends.values()], config).shared[index]
}
