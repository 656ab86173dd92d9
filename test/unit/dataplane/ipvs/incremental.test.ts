import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Endpoint, Frontend } from '../../../../src/dataplane/desired/frontend.ts'
import { DEFAULT_IPVS_OPTIONS } from '../../../../src/dataplane/desired/ipvs-options.ts'
import { type Element, elementKey, formatElement } from '../../../../src/dataplane/ipvs/elements.ts'
import type { IpvsState } from '../../../../src/dataplane/ipvs/ipvs-state.ts'
import type { Plan } from '../../../../src/dataplane/ipvs/plan.ts'
import { cidr, ip } from '../../../support/addresses.ts'
import { frontend } from '../../../support/ipvs-frontends.ts'
import { Planner, type Wanted } from './planner.ts'

const endpoint = fc
  .record({ host: fc.integer({ min: 1, max: 6 }), port: fc.constantFrom(80, 8080) })
  .map(({ host, port }): Endpoint => {
    const local = host <= 3
    return { address: ip(`10.1.0.${host}`), port, local, mayHairpin: local }
  })
const endpoints = fc.uniqueArray(endpoint, {
  maxLength: 5,
  selector: ({ address, port }) => `${address}/${port}`,
})

const PLACES = [undefined, '10.96.0.1', '10.96.0.2', '203.0.113.1'] as const

/** A frontend in any shape, on one of few places, so that changes of the same one are many. */
const anyFrontend = fc
  .record({
    place: fc.constantFrom(...PLACES),
    port: fc.constantFrom(80, 30080),
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
    endpoints,
    isLocal: fc.boolean(),
    affinitySeconds: fc.constantFrom(0, 60),
    ranges: fc.subarray(['10.0.0.0/8', '10.1.0.0/16', '172.20.0.0/24']),
    scheduler: fc.constantFrom('rr', 'mh'),
    forward: fc.constantFrom('masq' as const, 'masq' as const, 'dr' as const),
  })
  .map(({ place, port, isLocal, ranges, scheduler, forward, ...fields }): Frontend => {
    const isExternal = place === '203.0.113.1'
    const isOutside = isExternal || place === undefined
    return frontend(place, port, fields.endpoints, {
      protocol: fields.protocol,
      affinitySeconds: fields.affinitySeconds,
      ...(isExternal ? { kind: 'LoadBalancer', sourceRanges: ranges.map(cidr) } : {}),
      localEndpoints: isOutside && isLocal ? fields.endpoints.filter(({ local }) => local) : undefined,
      ipvs: { ...DEFAULT_IPVS_OPTIONS, scheduler, forward },
    })
  })
const anyChange = fc.record({ frontend: anyFrontend, isGone: fc.boolean() })

/** The table as the kernel would have it: an element is never added twice, nor one deleted that is not there. */
class Table {
  readonly elements = new Map<string, string>()

  commit({ creation, removed, added }: Plan['table']): void {
    if (creation) this.elements.clear()
    for (const element of removed)
      if (!this.elements.delete(elementKey(element))) throw new Error(`no ${formatElement(element)}`)
    for (const element of added) this.#add(element)
  }

  #add(element: Element): void {
    const key = elementKey(element)
    if (this.elements.has(key)) throw new Error(`a second ${formatElement(element)}`)
    this.elements.set(key, formatElement(element).replace(/0x48\w+/, 'a mark'))
  }
}

/** Virtual servers with the real servers that take connections, the numbers of marks aside. */
const servers = (state: IpvsState): unknown =>
  [...state.servers.values()]
    .map(({ settings, dests }) => ({
      ...settings,
      key: settings.key.kind === 'mark' ? 'mark' : settings.key,
      dests: [...dests]
        .filter(([, { weight }]) => weight > 0)
        .map(([name, { method }]) => `${name} ${method}`)
        .sort(),
    }))
    .map((server) => JSON.stringify(server))
    .sort()

const asChange = ({ frontend, isGone }: { frontend: Frontend; isGone: boolean }): Wanted =>
  isGone ? [frontend] : frontend

it('any sequence of changes ends where a rebuild of its result would', () => {
  fc.assert(
    fc.property(fc.array(anyChange, { minLength: 1, maxLength: 20 }), (changes) => {
      const [incremental, table] = [new Planner(), new Table()]
      const desired = new Map<string, Frontend>()
      for (const change of changes) {
        const { frontend, isGone } = change
        if (isGone) desired.delete(frontend.key)
        else desired.set(frontend.key, frontend)
        table.commit(incremental.change(asChange(change)).table)
      }
      const [scratch, fresh] = [new Planner(), new Table()]
      fresh.commit(scratch.rebuild(...desired.values()).table)
      expect(servers(incremental.state)).toEqual(servers(scratch.state))
      expect([...incremental.state.addresses].sort()).toEqual([...scratch.state.addresses].sort())
      expect([...table.elements].sort()).toEqual([...fresh.elements].sort())
      expect(incremental.state.elements).toBe(table.elements.size)
    }),
  )
})

it('the same frontends again are no change', () => {
  fc.assert(
    fc.property(fc.uniqueArray(anyFrontend, { selector: ({ key }) => key }), (frontends) => {
      const planner = new Planner()
      planner.rebuild(...frontends)
      expect(planner.lines(...frontends)).toEqual([])
    }),
  )
})
