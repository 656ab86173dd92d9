import { describe, expect, it } from 'vitest'
import { elementLayout, typedSet } from '../../../src/native/nft-typed-set.ts'
import { typeNumber, typeWidth } from '../../../src/native/nft-typeof.ts'
import { commentUserData, setUserData } from '../../../src/native/nft-userdata.ts'

const hex = (bytes: Uint8Array = new Uint8Array(0)) => Buffer.from(bytes).toString('hex')
const service = ['ip daddr', 'meta l4proto', 'th dport'] as const

describe('typeof words', () => {
  it.each([
    { terms: ['ip daddr'], number: 7, width: 4 },
    { terms: ['meta l4proto'], number: 12, width: 1 },
    { terms: service, number: 29453, width: 12 },
    { terms: [...service, { numgen: 'random', modulus: 65536 }], number: 1884996, width: 16 },
    { terms: ['ip6 daddr', 'th dport'], number: 525, width: 20 },
  ] as const)('$terms have type $number and $width bytes', ({ terms, number, width }) => {
    expect(typeNumber(terms)).toBe(number)
    expect(typeWidth(terms)).toBe(width)
  })

  it('make ranges over several fields a concatenation whose fields the kernel knows', () => {
    const set = typedSet({ name: 's', keyTypeof: [...service, 'ip saddr'], flags: ['interval'] })
    expect(set.flags).toEqual(['interval', 'concat'])
    expect(set.fieldLengths).toEqual([4, 1, 2, 4])
    expect(elementLayout(set)).toEqual({ keyLength: 16, keyEnd: true, dataLength: 0, width: 32 })
  })
})

/** As `nft list` of nft 1.0.6 keeps them; read back from the kernel (NFTA_SET_USERDATA). */
describe('user data', () => {
  it('of a set', () => {
    expect(hex(setUserData({ keyTypeof: ['ip daddr'] }))).toBe(
      '000402000000' + '0314' + '000407000000' + '010c' + '00040c000000' + '01040c000000',
    )
  })

  it('of a verdict map', () => {
    expect(hex(setUserData({ keyTypeof: ['meta priority'], dataTypeof: ['verdict'] }))).toBe(
      '000401000000' +
        '010400000000' +
        '030e' +
        '0004090000000106000402000000' +
        '0408' +
        '0004010000000100' +
        '060400000000',
    )
  })

  it('of a map over a concatenation', () => {
    expect(
      hex(setUserData({ keyTypeof: service, dataTypeof: ['meta priority'], comment: 'set words' })),
    ).toBe(
      '000400000000' +
        '010401000000' +
        '0344' +
        '00040d000000' +
        '013c' +
        '0014' +
        '000407000000010c00040c00000001040c000000' +
        '010e' +
        '0004090000000106000410000000' +
        '0214' +
        '000407000000010c00040b000000010402000000' +
        '040e' +
        '0004090000000106000402000000' +
        '060400000000' +
        '070a' +
        '73657420776f72647300',
    )
  })

  it('of a rule or chain with a comment', () => {
    expect(hex(commentUserData('rule words'))).toBe('000b72756c6520776f72647300')
    expect(() => commentUserData('x'.repeat(255))).toThrow(RangeError)
  })
})
