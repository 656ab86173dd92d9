import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { Probe } from '../../differential/probes.ts'
import { randomWorld } from '../../differential/random-world.ts'
import { WANTED_DIFFERENCES, wantedDifference } from '../../differential/wanted-differences.ts'

const document = new URL('../../../docs/differences-from-kube-proxy.md', import.meta.url)

/** Headings of the document that are no differences. */
const OTHERS = ['Not compared', 'Rules of mode `iptables`']

const probe = (fields: Partial<Probe>): Probe => ({
  ...{ step: 0, asker: 'host', protocol: 'TCP', family: 'IPv4', address: '10.96.1.10', port: 9 },
  ...{ way: 'undefined port', draft: randomWorld(1).services[0] },
  ...fields,
})

describe('differences from kube-proxy that are wanted', () => {
  it('are those that the document gives reasons for', async () => {
    const headings = [...(await readFile(document, 'utf8')).matchAll(/^## (.*)$/gm)].map(([, name]) => name)
    expect(headings.filter((name) => name !== undefined && !OTHERS.includes(name)).sort()).toEqual(
      WANTED_DIFFERENCES.map(({ name }) => name).sort(),
    )
  })

  it('cover the fate that is wanted, in its mode, and no other fate', () => {
    const difference = { probe: probe({}), theirs: new Set(['dropped']), ours: new Set(['rejected']) }
    expect(wantedDifference('iptables')(difference)).toBe('Undefined ports of a cluster IP are refused')
    expect(wantedDifference('nftables')(difference)).toBeUndefined()
    expect(
      wantedDifference('iptables')({ ...difference, ours: new Set(['pod-1 saw the asker']) }),
    ).toBeUndefined()
    expect(
      wantedDifference('iptables')({ ...difference, probe: probe({ way: 'cluster IP' }) }),
    ).toBeUndefined()
  })
})
