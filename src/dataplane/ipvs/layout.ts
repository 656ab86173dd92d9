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

export type SetName = 'frontends' | 'short-circuit' | 'sources' | 'vips' | 'hairpin'

export const SET_NAMES: readonly SetName[] = ['frontends', 'short-circuit', 'sources', 'vips', 'hairpin']

/** The map from treatment number to chain. It is written once: no verdict changes in the life of a table. */
export const TREATMENTS_MAP = 'treatments'

/**
 * - `frontends`: address, protocol and port to the number of the treatment
 * - `short-circuit`: the same to the mark of the virtual server for connections from inside
 * - `sources`: the same with a range of client addresses that are let in
 * - `vips`: addresses that are on this machine for the sake of Services: their other ports are rejected
 * - `hairpin`: endpoints that may meet themselves
 *
 * None has a cap: a capped set loads faster, but would have to be made anew when it is outgrown.
 */
export function setSpec(name: SetName, family: IpFamily): SetSpec {
  const [saddr, daddr]: readonly [TypeofTerm, TypeofTerm] =
    family === 'IPv4' ? ['ip saddr', 'ip daddr'] : ['ip6 saddr', 'ip6 daddr']
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
    case 'hairpin':
      return typedSet({ name, keyTypeof: [saddr, daddr] })
  }
}

export const treatmentsMapSpec: SetSpec = typedSet({
  name: TREATMENTS_MAP,
  keyTypeof: ['meta priority'],
  dataTypeof: ['verdict'],
})

export const setLayout = (name: SetName, family: IpFamily): ElementLayout & { readonly width: number } =>
  elementLayout(setSpec(name, family))
