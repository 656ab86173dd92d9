import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProgramReader, ProgramWriter } from '../../../src/native/program.ts'

const field = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 0xff }) }),
  fc.record({ kind: fc.constant('u16' as const), value: fc.integer({ min: 0, max: 0xffff }) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  fc.record({ kind: fc.constant('i32' as const), value: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) }),
  fc.record({ kind: fc.constant('u64' as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('string' as const), value: fc.string({ unit: 'grapheme' }) }),
  fc.record({ kind: fc.constant('blob' as const), value: fc.uint8Array({ maxLength: 600 }) }),
)

describe('packed programs', () => {
  it('are read as they were written, whatever the fields and however long', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 60 }), (fields) => {
        const writer = new ProgramWriter(1)
        for (const { kind, value } of fields) {
          if (kind === 'string') writer.string(value)
          else if (kind === 'blob') writer.blob(value)
          else writer[kind](value)
        }
        const reader = new ProgramReader(writer.view())
        expect(fields.map(({ kind }) => reader[kind]())).toEqual(fields.map(({ value }) => value))
        expect(reader.done).toBe(true)
      }),
    )
  })

  it('that are cut short are a RangeError', () => {
    const whole = new ProgramWriter().string('name').u32(7).view()
    for (let length = 0; length < whole.length; length++) {
      const reader = new ProgramReader(whole.subarray(0, length))
      expect(() => [reader.string(), reader.u32()]).toThrow(RangeError)
    }
  })

  it('refuse a name that does not fit its length field', () => {
    expect(() => new ProgramWriter().string('x'.repeat(65_536))).toThrow(RangeError)
  })
})
