import type { ObjectName } from '../../model/object-name.ts'
import type { Pacer } from '../../util/pacer.ts'
import type { FamilyConfig } from '../family-config.ts'
import { type ChainKey, chainKey } from './chain-uses.ts'
import { constantChains } from './constant-chains.ts'
import type { Chain } from './rule.ts'
import { serviceRules } from './service-rules.ts'
import type { TableState } from './table-state.ts'

/** A rule of a Service in a shared chain: which one, by its place in what `serviceRules` names. */
export interface SharedPlace {
  readonly service: ObjectName
  readonly index: number
}

/** A chain of ours as it should be. */
export type ExpectedChain =
  | { readonly kind: 'own'; readonly service: ObjectName; readonly chain: Chain }
  /** `chain` has the rules that stand behind those of Services, which are known by their handles. */
  | { readonly kind: 'shared'; readonly chain: Chain; readonly places: ReadonlyMap<number, SharedPlace> }

/** What looks at the kernel go through, one after the other and then from the beginning. */
export type Stop = {
  /** That a look at it reads. */
  readonly rules: number
} & (
  | { readonly kind: 'shared'; readonly chain: ChainKey }
  | { readonly kind: 'service'; readonly name: ObjectName }
)

export function allStops(state: TableState, config: FamilyConfig): Stop[] {
  const inShared = new Map<ChainKey, number>()
  for (const { shared } of state.services.values())
    for (const { chain } of shared) inShared.set(chain, (inShared.get(chain) ?? 0) + 1)
  return [
    ...constantChains(config).map(({ table, name, rules }): Stop => {
      const chain = chainKey(table, name)
      return { kind: 'shared', chain, rules: rules.length + (inShared.get(chain) ?? 0) }
    }),
    ...[...state.services].map(([name, { rules }]): Stop => ({ kind: 'service', name, rules })),
  ]
}

/** The chains of these stops, and those that are `suspect` wherever they belong. */
export async function expectedChains(
  stops: readonly Stop[],
  suspect: ReadonlySet<ChainKey>,
  state: TableState,
  config: FamilyConfig,
  pacer: Pacer,
): Promise<ReadonlyMap<ChainKey, ExpectedChain>> {
  const expected = new Map<ChainKey, ExpectedChain>()
  const places = new Map<ChainKey, Map<number, SharedPlace>>()
  const shared = constantChains(config)
  const visited = new Set<string>(stops.map((stop) => (stop.kind === 'shared' ? stop.chain : stop.name)))
  for (const chain of shared) {
    const key = chainKey(chain.table, chain.name)
    if (!visited.has(key) && !suspect.has(key)) continue
    const own = new Map<number, SharedPlace>()
    places.set(key, own)
    expected.set(key, { kind: 'shared', chain, places: own })
  }
  const sharedKeys = new Set(shared.map(({ table, name }) => chainKey(table, name)))
  const isOwnSuspect = [...suspect].some((key) => !sharedKeys.has(key))
  for (const [name, service] of state.services) {
    service.shared.forEach(({ chain, handle }, index) => {
      places.get(chain)?.set(handle, { service: name, index })
    })
    if (!isOwnSuspect && !visited.has(name)) continue
    for (const chain of serviceRules([...service.frontends.values()], config).chains) {
      const key = chainKey(chain.table, chain.name)
      if (visited.has(name) || suspect.has(key)) expected.set(key, { kind: 'own', service: name, chain })
    }
    if (pacer.due()) await pacer.pause()
  }
  return expected
}
