import { describe, expect, it } from 'vitest'
import { countFeatures } from '../../differential/coverage.ts'
import { serviceManifest, sliceManifests } from '../../differential/manifests.ts'
import { probesOf } from '../../differential/probes.ts'
import { randomWorld } from '../../differential/random-world.ts'
import { servicesAt } from '../../differential/service-draft.ts'

const seeds = Array.from({ length: 40 }, (_, i) => 1_000 + i)
const manifestsOf = (seed: number) => {
  const world = randomWorld(seed)
  return ([0, 1] as const).flatMap((step) =>
    servicesAt(world, step).flatMap((draft) => [serviceManifest(draft), ...sliceManifests(draft)]),
  )
}

describe('a random world', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(manifestsOf(7)).toEqual(manifestsOf(7))
    expect(manifestsOf(7)).not.toEqual(manifestsOf(8))
  })

  it('asks no place of the world before', () => {
    const placesOf = (seed: number): string[] =>
      probesOf(randomWorld(seed), 0)
        .filter(({ draft }) => draft?.atNode === false)
        .map(({ address, port, protocol }) => `${address} ${port}/${protocol}`)
    const before = new Set(placesOf(7))
    expect(placesOf(8).filter((place) => before.has(place))).toEqual([])
  })

  it('gives no two of its Services a place in common', () => {
    for (const seed of seeds) {
      const places = probesOf(randomWorld(seed), 0)
        .filter(({ asker, way }) => asker === 'host' && way !== 'undefined port')
        .map(({ address, port, protocol }) => `${address} ${port}/${protocol}`)
      expect(new Set(places).size).toBe(places.length)
    }
  })

  it('has, in a few dozen, everything that worlds are meant to have', () => {
    const counts = [...countFeatures(seeds.map(randomWorld))]
    expect(counts.filter(([, count]) => count === 0)).toEqual([])
  })

  it('says one thing of an endpoint that is in two slices', () => {
    for (const seed of seeds) {
      for (const { state } of randomWorld(seed).services) {
        const said = new Map(state.slices[0]?.endpoints.map((endpoint) => [endpoint.pod, endpoint]))
        for (const endpoint of state.slices[1]?.endpoints ?? [])
          expect(endpoint).toEqual(said.get(endpoint.pod) ?? endpoint)
      }
    }
  })
})
