import {
  type ElementLayout,
  elementLayout,
  type SetSpec,
  type TypeofTerm,
  typedSet,
} from '../../native/nftables.ts'
import type { IpFamily } from '../../util/address.ts'

/** The table beside IPVS, in the families ip and ip6. */
export const TABLE = 'hawser-ipvs'

export type SetName = 'frontends' | 'short-circuit' | 'sources' | 'vips'

export const SET_NAMES: readonly SetName[] = ['frontends', 'short-circuit', 'sources', 'vips']

/** The map from treatment number to chain. It is written once: no verdict changes in the life of a table. */
export const TREATMENTS_MAP = 'treatments'

/**
 * - `frontends`: address, protocol and port to the number of the treatment
 * - `short-circuit`: the same to the mark of the virtual server for connections from inside
 * - `sources`: the same with a range of client addresses that are let in
 * - `vips`: addresses that are on this machine for the sake of Services: their other ports are rejected
 *
 * None has a cap: a capped set loads faster, but would have to be made anew when it is outgrown.
 */
export function setSpec(name: SetName, family: IpFamily): SetSpec {
  const [saddr, daddr] = addressTerms(family)
  const place: readonly TypeofTerm[] = [daddr, 'meta l4proto', 'th dport']
  switch (name) {
    case 'frontends':
      return typedSet({ name, keyTypeof: place, dataTypeof: ['meta priority'] })
    case 'short-circuit':
      return typedSet({ name, keyTypeof: place, dataTypeof: ['meta mark'] })
    case 'sources':
      return typedSet({ name, keyTypeof: [...place, saddr], flags: ['interval'] })
    case 'vips':
      return typedSet({ name, keyTypeof: [daddr] })
  }
}

const addressTerms = (family: IpFamily): readonly [TypeofTerm, TypeofTerm] =>
  family === 'IPv4' ? ['ip saddr', 'ip daddr'] : ['ip6 saddr', 'ip6 daddr']

/** Clients that have just begun a connection to a Service, each as a pair with itself. */
export const HAIRPIN = 'hairpin'

/** The packet that wrote an element looks it up microseconds later, when IPVS has chosen an endpoint. */
export const HAIRPIN_TIMEOUT_MS = 10_000

/**
 * Packets write it: a connection meets its own client when its destination has become its source, and rules cannot
 * compare the two but by a pair in a set. So a change of endpoints is no change of this table.
 */
export const hairpinSpec = (family: IpFamily): SetSpec =>
  typedSet({
    name: HAIRPIN,
    keyTypeof: addressTerms(family),
    flags: ['eval', 'timeout'],
    timeoutMs: HAIRPIN_TIMEOUT_MS,
    size: 65_536,
  })

export const treatmentsMapSpec: SetSpec = typedSet({
  name: TREATMENTS_MAP,
  keyTypeof: ['meta priority'],
  dataTypeof: ['verdict'],
})

export const setLayout = (name: SetName, family: IpFamily): ElementLayout & { readonly width: number } =>
  elementLayout(setSpec(name, family))
