import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../../../src/dataplane/desired/frontend.ts'
import { placeEndpoints } from '../../../src/dataplane/nftables/slots.ts'
import { address } from '../../support/services.ts'

const endpoint = (host: number): Endpoint => ({
  address: address(`10.1.0.${host}`),
  port: 8080,
  local: false,
  mayHairpin: false,
})

const endpoints = (...hosts: number[]): Endpoint[] => hosts.map(endpoint)

const hosts = (slots: readonly Endpoint[]): number[] =>
  slots.map((slot) => Number(slot.address.slice(slot.address.lastIndexOf('.') + 1)))

describe('placing endpoints in slots', () => {
  it.each([
    { name: 'first', before: [], now: [1, 2, 3], removed: [], added: [0, 1, 2], slots: [1, 2, 3] },
    { name: 'same again', before: [1, 2, 3], now: [1, 2, 3], removed: [], added: [], slots: [1, 2, 3] },
    {
      name: 'same in another order',
      before: [3, 1, 2],
      now: [1, 2, 3],
      removed: [],
      added: [],
      slots: [3, 1, 2],
    },
    { name: 'one added', before: [1, 3], now: [1, 2, 3], removed: [], added: [2], slots: [1, 3, 2] },
    { name: 'one replaced', before: [1, 2, 3], now: [1, 3, 4], removed: [1], added: [1], slots: [1, 4, 3] },
    { name: 'the last removed', before: [1, 2, 3], now: [1, 2], removed: [2], added: [], slots: [1, 2] },
    { name: 'the first removed', before: [1, 2, 3], now: [2, 3], removed: [0, 2], added: [0], slots: [3, 2] },
    { name: 'all removed', before: [1, 2], now: [], removed: [0, 1], added: [], slots: [] },
  ])('$name', ({ before, now, removed, added, slots }) => {
    const update = placeEndpoints(endpoints(...before), endpoints(...now))
    expect({ removed: update.removed, added: update.added, slots: hosts(update.slots) }).toEqual({
      removed,
      added,
      slots,
    })
  })

  it('keeps local endpoints below the local count', () => {
    const update = placeEndpoints(endpoints(7, 8, 1), endpoints(1, 2, 7, 8), 2)
    expect(hosts(update.slots.slice(0, 2)).sort()).toEqual([1, 2])
    expect(hosts(update.slots.slice(2)).sort()).toEqual([7, 8])
  })

  it('fills every slot exactly once and leaves a staying endpoint alone unless its slot goes', () => {
    const some = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 12 })
    fc.assert(
      fc.property(some, some, (before, now) => {
        const old = endpoints(...before)
        const update = placeEndpoints(old, endpoints(...now))
        expect(hosts(update.slots).sort()).toEqual([...now].sort())
        before.forEach((host, slot) => {
          if (slot < now.length && now.includes(host)) expect(hosts(update.slots)[slot]).toBe(host)
        })
        const applied = [...old]
        for (const slot of update.removed) delete applied[slot]
        for (const slot of update.added) {
          expect(applied[slot]).toBeUndefined()
          const placed = update.slots[slot]
          if (placed !== undefined) applied[slot] = placed
        }
        expect(hosts(applied.filter((slot) => slot !== undefined))).toEqual(hosts(update.slots))
      }),
    )
  })
})
