import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RecordSet } from '../../../src/dataplane/nf-table/record-set.ts'
import { type Records, RecordWriter } from '../../../src/dataplane/nf-table/records.ts'
import { Pacer } from '../../../src/util/pacer.ts'

/** Records of two words each, of few values, so that many are in both lists and many are neighbours. */
const records = (values: readonly number[]): Records => {
  const writer = new RecordWriter(8)
  for (const value of values)
    writer
      .begin()
      .hostNumber(value >> 4)
      .hostNumber(value & 15)
  return writer
}

const valuesOf = (found: readonly Uint8Array[]): number[] =>
  found
    .map((record) => {
      const view = new DataView(record.buffer, record.byteOffset)
      return view.getUint32(0, true) * 16 + view.getUint32(4, true)
    })
    .sort((a, b) => a - b)

const distinct = fc.uniqueArray(fc.integer({ min: 0, max: 255 }))

describe('a set of records', () => {
  it('says what others have beyond it and what they lack', async () => {
    await fc.assert(
      fc.asyncProperty(distinct, distinct, async (own, others) => {
        const set = await RecordSet.of(records(own), new Pacer())
        const foreign = await set.takeAll(records(others), new Pacer())
        const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b)
        expect(valuesOf(foreign)).toEqual(sorted(others.filter((value) => !own.includes(value))))
        expect(valuesOf(set.rest())).toEqual(sorted(own.filter((value) => !others.includes(value))))
      }),
    )
  })

  it('reads records that begin anywhere in their buffer', async () => {
    const { bytes, width, count } = records([1, 2, 3])
    const moved = new Uint8Array(bytes.length + 1)
    moved.set(bytes, 1)
    const set = await RecordSet.of(records([1, 2, 3]), new Pacer())
    expect(await set.takeAll({ bytes: moved.subarray(1), width, count }, new Pacer())).toEqual([])
    expect(set.rest()).toEqual([])
  })
})
