import type { Cidr, IpAddress } from '../util/address.ts'
import type { ConntrackFilter } from './conntrack-filter.ts'
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
  /** Flows that began before the frontend was there, and pass it by: replies come from where they go to. */
  readonly untranslated: boolean
  readonly endpoints: readonly { readonly address: IpAddress; readonly port: number }[]
}

/** From here on one pass that looks for all of them at once is faster than as many passes of the kernel. */
const FEW_FILTERS = 3

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
  readonly #filters: ConntrackFilter[] = []
  /** More than a few filters are of no use, and need no memory. */
  #filtered = true
  #rangeCount = 0

  add(frontend: StaleFrontend): this {
    const row = this.#table.frontendRows
    const { family, protocol, address, port, endpoints } = frontend
    const flags = TRANSLATED_FLAGS[frontend.translated] | (frontend.untranslated ? FLAGS.untranslated : 0)
    this.#table.setFrontend(row, { family, protocol, address, port, group: row, flags })
    for (const { address, port } of endpoints)
      this.#table.setEndpoint(this.#table.endpointRows, { address, port, group: row })
    this.#filter(frontend)
    return this
  }

  /** Translated UDP and SCTP flows to an address of the range that is none of the frontends added are stale too. */
  addRange(range: Cidr): this {
    this.#ranges.u8(FAMILY_NUMBERS[range.family])
    writeAddress(this.#ranges, range.address)
    this.#ranges.u8(range.prefix)
    this.#rangeCount++
    this.#filtered = false
    return this
  }

  /**
   * The same as filters of which the kernel can apply one at a time. Undefined when these are more than FEW_FILTERS, each of
   * which would walk its whole table, or cannot say it.
   */
  filters(): readonly ConntrackFilter[] | undefined {
    return this.#filtered && this.#filters.length <= FEW_FILTERS ? this.#filters : undefined
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

  #filter(stale: StaleFrontend): void {
    if (!this.#filtered || this.#filters.length > FEW_FILTERS) return
    const { family, protocol, address, port, translated, untranslated, endpoints } = stale
    const toFrontend = { family, protocol, original: { destination: address, destinationPort: port } }
    if (untranslated)
      this.#filters.push({ ...toFrontend, reply: { source: address, sourcePort: port }, translated: false })
    if (translated === 'all') this.#filters.push({ ...toFrontend, translated: true })
    if (translated === 'unlisted') this.#filtered = false
    if (translated !== 'listed') return
    for (const { address, port } of endpoints)
      this.#filters.push({ ...toFrontend, reply: { source: address, sourcePort: port }, translated: true })
  }
}
