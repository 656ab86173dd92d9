import type { Cidr, IpAddress } from '../util/address.ts'
import { ConntrackTable } from './conntrack-table.ts'
import { FAMILY_NUMBERS, writeAddress } from './packed-address.ts'
import { ProgramWriter } from './program.ts'

/** `StaleFlag` of native/conntrack/stale_flows.h. */
const FLAGS = { translated: 1, untranslated: 2, listed: 4, unlisted: 8 } as const

/** Which flows to one address and port lead to something that is gone. */
export interface StaleFrontend {
  readonly family: Cidr['family']
  /** IPPROTO_*. */
  readonly protocol: number
  readonly address: IpAddress
  readonly port: number
  /**
   * Of the translated flows: `all`, those to the `listed` endpoints, those to any other (`unlisted`), or none.
   */
  readonly translated: 'all' | 'listed' | 'unlisted' | 'none'
  /** Flows that began before the frontend was there, and pass it by. */
  readonly untranslated: boolean
  readonly endpoints: readonly { readonly address: IpAddress; readonly port: number }[]
}

const TRANSLATED_FLAGS = {
  all: FLAGS.translated,
  listed: FLAGS.listed,
  unlisted: FLAGS.unlisted,
  none: 0,
} as const

/** A description of stale flows for the kernel's side. Every one names an address and a port, or a range of them. */
export class StaleFlows {
  readonly #table = new ConntrackTable()
  readonly #ranges = new ProgramWriter()
  #rangeCount = 0

  add(frontend: StaleFrontend): this {
    const row = this.#table.frontendRows
    const { family, protocol, address, port, endpoints } = frontend
    const flags = TRANSLATED_FLAGS[frontend.translated] | (frontend.untranslated ? FLAGS.untranslated : 0)
    this.#table.setFrontend(row, { family, protocol, address, port, group: row, flags })
    for (const { address, port } of endpoints)
      this.#table.setEndpoint(this.#table.endpointRows, { address, port, group: row })
    return this
  }

  /** Translated UDP and SCTP flows to an address of the range that is none of the frontends added are stale too. */
  addRange(range: Cidr): this {
    this.#ranges.u8(FAMILY_NUMBERS[range.family])
    writeAddress(this.#ranges, range.address)
    this.#ranges.u8(range.prefix)
    this.#rangeCount++
    return this
  }

  get isEmpty(): boolean {
    return this.#table.frontendRows === 0 && this.#rangeCount === 0
  }

  buffers(): readonly Uint8Array[] {
    return [this.#ranges.view(), ...this.#table.buffers()]
  }

  describe(): string {
    return `delete the stale connections of ${this.#table.frontendRows} frontends`
  }
}
