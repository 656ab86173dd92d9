import { describe, expect, it } from 'vitest'
import { NodeInUse, primaryAddresses } from '../../../../src/cli/proxy/node-in-use.ts'
import type { OwnNode } from '../../../../src/sources/api/own-node.ts'
import { address, cidr } from '../../../support/services.ts'

const node = (fields: Partial<OwnNode> = {}): OwnNode => ({
  name: 'here',
  internalIPs: [address('192.0.2.1')],
  externalIPs: [],
  podCidrs: [cidr('10.1.0.0/24')],
  zone: 'a',
  taints: [],
  deleting: false,
  ...fields,
})

const NOWHERE = { internalIPs: [], externalIPs: [] } as const

const inUse = (needsPodCidrs = false): NodeInUse =>
  new NodeInUse({ name: 'here', needsPodCidrs: () => needsPodCidrs })

const reasons = (known: NodeInUse): readonly string[] => known.problems().map(({ reason }) => reason)

it.each([
  [{}, ['192.0.2.1']],
  [{ internalIPs: ['192.0.2.1', '192.0.2.2', 'fd00::1'].map(address) }, ['192.0.2.1', 'fd00::1']],
  [{ externalIPs: ['198.51.100.1', 'fd00::9'].map(address) }, ['192.0.2.1', 'fd00::9']],
  [{ ...NOWHERE, externalIPs: [address('198.51.100.1')] }, ['198.51.100.1']],
  [NOWHERE, []],
])('primary is the first address of each family, internal ones first: %j', (fields, expected) => {
  expect(primaryAddresses(node(fields))).toEqual(expected)
})

describe('a Node', () => {
  it('that is not there yet is an error, and nothing is known of it', () => {
    const known = inUse()
    known.take(undefined)
    expect(known.inUse).toBeUndefined()
    expect(known.problems()).toMatchObject([
      { place: 'Node here', reason: 'there is no such Node', remedy: expect.stringContaining('until then') },
    ])
  })

  it('that goes stays in force as it was, and is no longer one for load balancers', () => {
    const known = inUse()
    known.take(node())
    expect(known.problems()).toEqual([])
    known.take(undefined)
    expect(known.inUse).toEqual(node())
    expect(known.now).toBeUndefined()
    expect(known.problems()).toMatchObject([
      { remedy: expect.stringContaining('its last ones stay in force') },
    ])
  })

  it('that loses its addresses and ranges keeps them, and all else is as it is now', () => {
    const known = inUse(true)
    known.take(node())
    known.take(node({ ...NOWHERE, podCidrs: [], zone: 'b' }))
    expect(known.inUse).toEqual(node({ zone: 'b' }))
    expect(reasons(known)).toEqual(['it has no address', expect.stringContaining('it has no podCIDRs')])
  })

  it('needs ranges of pods only where these tell pods from others', () => {
    const known = inUse()
    known.take(node({ podCidrs: [] }))
    expect(reasons(known)).toEqual([])
  })
})
