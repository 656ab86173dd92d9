import { describe, expect, it } from 'vitest'
import { DEFAULT_MASQUERADE_MARK, type FamilyConfig } from '../../../src/dataplane/family-config.ts'
import { addressIn, type Statement } from '../../../src/dataplane/nf-table/statements.ts'
import { constantChains, namedChain } from '../../../src/dataplane/nftables/chains.ts'
import { cidr } from '../../support/services.ts'

const config = (fields: Partial<FamilyConfig> = {}): FamilyConfig => ({
  family: 'IPv4',
  serviceCidrs: [],
  podCidrs: [cidr('10.1.0.0/16')],
  nodeAddresses: [],
  masqueradePodEgress: false,
  masqueradeMark: DEFAULT_MASQUERADE_MARK,
  masqueradeAll: false,
  ...fields,
})

/** What a rule does, roughly: where it goes, or what it sets. */
const outline = (rule: Statement): string => {
  const conditions = rule.filter(({ expr }) => expr === 'cmp').length
  const last = rule.at(-1)
  const action =
    last?.expr === 'immediate' && typeof last.data === 'object' && 'chain' in last.data
      ? `goto ${last.data.chain}`
      : last?.expr === 'meta'
        ? `set ${last.key}`
        : (last?.expr ?? '')
  return `${conditions === 0 ? '' : 'if '}${action}`
}

const outlines = (name: string, fields?: Partial<FamilyConfig>): string[] =>
  namedChain(name, config(fields)).rules.map(outline)

describe('the chain of a class', () => {
  it.each([
    {
      name: 'for cluster IPs lets pods keep their address',
      chain: 'c-3',
      fields: {},
      rules: ['set priority', 'if goto lb-3', 'set mark', 'goto lb-3'],
    },
    {
      name: 'for cluster IPs knows several pod CIDRs',
      chain: 'c-3',
      fields: { podCidrs: [cidr('10.1.0.0/16'), cidr('10.2.0.0/16')] },
      rules: ['set priority', 'if goto lb-3', 'if goto lb-3', 'set mark', 'goto lb-3'],
    },
    {
      name: 'for cluster IPs masquerades nobody while no pod CIDR is known',
      chain: 'c-3',
      fields: { podCidrs: [] },
      rules: ['set priority', 'goto lb-3'],
    },
    {
      name: 'for cluster IPs masquerades everybody when told to',
      chain: 'c-3',
      fields: { masqueradeAll: true },
      rules: ['set priority', 'set mark', 'goto lb-3'],
    },
    {
      name: 'for other ways in always masquerades',
      chain: 'x-2',
      fields: {},
      rules: ['set priority', 'set mark', 'goto lb-2'],
    },
    {
      name: 'of a balancer tries slot 0 last',
      chain: 'lb-3',
      fields: {},
      rules: ['nat', 'nat', 'immediate'],
    },
    { name: 'of a balancer of one slot tries that', chain: 'lb-1', fields: {}, rules: ['nat', 'immediate'] },
  ])('$name', ({ chain, fields, rules }) => {
    expect(outlines(chain, fields)).toEqual(rules)
  })

  it.each(['c-0', 'lb-', 'y-3', 'masq'])('%s is none', (name) => {
    expect(() => namedChain(name, config())).toThrow(RangeError)
  })
})

describe('the constant chains', () => {
  it('have pod egress only where it is asked for', () => {
    const names = (fields: Partial<FamilyConfig>) => constantChains(config(fields)).map(({ name }) => name)
    expect(names({})).not.toContain('pod-egress')
    expect(names({ masqueradePodEgress: true })).toContain('pod-egress')
  })
})

describe('the mark that asks for masquerade', () => {
  it.each([0, 14, 31])('may be bit %i', (bit) => {
    const marked = config({ masqueradeMark: 2 ** bit })
    const bitwise = [
      ...namedChain('x-2', marked).rules,
      ...constantChains(marked).flatMap(({ rules }) => rules),
    ]
      .flat()
      .flatMap((expression) => (expression.expr === 'bitwise' ? [expression] : []))
      .map(({ mask = new Uint8Array(4), xor = new Uint8Array(4) }) => [number(mask), number(xor)])
    expect(bitwise).toEqual(
      expect.arrayContaining([
        // or, xor and and
        [0xffff_ffff - 2 ** bit, 2 ** bit],
        [0xffff_ffff, 2 ** bit],
        [2 ** bit, 0],
      ]),
    )
  })
})

/** What a u32 in the host's order means. */
const number = (bytes: Uint8Array): number => new Uint32Array(Uint8Array.from(bytes).buffer)[0] ?? Number.NaN

describe('a match of a CIDR', () => {
  it.each([
    { text: '10.96.0.0/16', length: 2, mask: undefined, data: [10, 96] },
    { text: '10.96.0.1/32', length: 4, mask: undefined, data: [10, 96, 0, 1] },
    { text: '10.96.0.0/12', length: 4, mask: [255, 240, 0, 0], data: [10, 96, 0, 0] },
    { text: '0.0.0.0/0', length: 4, mask: [0, 0, 0, 0], data: [0, 0, 0, 0] },
    { text: 'fd00:96::/32', length: 4, mask: undefined, data: [0xfd, 0, 0, 0x96] },
  ])('$text loads $length bytes', ({ text, length, mask, data }) => {
    const statement = addressIn('daddr', cidr(text))
    expect(statement[0]).toMatchObject({ expr: 'payload', length })
    const bitwise = statement.find((expression) => expression.expr === 'bitwise')
    expect(bitwise?.mask === undefined ? undefined : [...bitwise.mask]).toEqual(mask)
    expect(statement.at(-1)).toEqual({ expr: 'cmp', sreg: 1, op: 'eq', data: Uint8Array.from(data) })
  })
})
