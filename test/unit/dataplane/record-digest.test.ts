import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestRecords, sameDigest } from '../../../src/dataplane/nf-table/record-digest.ts'
import { Pacer } from '../../../src/util/pacer.ts'

const WIDTH = 12
const record = fc.uint8Array({ minLength: WIDTH, maxLength: WIDTH })
const digest = (records: readonly Uint8Array[]) =>
  digestRecords(
    { width: WIDTH, count: records.length, bytes: Uint8Array.from(Buffer.concat(records)) },
    new Pacer(),
  )

describe('a digest of records', () => {
  it('is the same for the same records in any order', () =>
    fc.assert(
      fc.asyncProperty(fc.array(record), fc.infiniteStream(fc.nat()), async (records, order) => {
        const shuffled = records
          .map((bytes) => ({ bytes, at: order.next().value }))
          .sort((a, b) => a.at - b.at)
          .map(({ bytes }) => bytes)
        expect(sameDigest(await digest(records), await digest(shuffled))).toBe(true)
      }),
    ))

  it('is another when one bit of one record is', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1 }),
        fc.nat(),
        fc.nat(WIDTH * 8 - 1),
        async (records, chosen, bit) => {
          const changed = records.map((bytes, index) => {
            if (index !== chosen % records.length) return bytes
            const other = bytes.slice()
            other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7))
            return other
          })
          expect(sameDigest(await digest(records), await digest(changed))).toBe(false)
        },
      ),
    ))

  it('is another when two records have swapped their data', async () => {
    const of = (key: number, data: number): Uint8Array => {
      const bytes = new Uint8Array(WIDTH)
      bytes[3] = key
      bytes[11] = data
      return bytes
    }
    const before = await digest([of(1, 10), of(2, 20)])
    expect(sameDigest(before, await digest([of(1, 20), of(2, 10)]))).toBe(false)
  })

  it('is another when a record is there twice or is gone', async () => {
    const one = new Uint8Array(WIDTH).fill(7)
    const digests = [await digest([]), await digest([one]), await digest([one, one])]
    expect(new Set(digests.map((each) => JSON.stringify(each))).size).toBe(3)
  })
})
