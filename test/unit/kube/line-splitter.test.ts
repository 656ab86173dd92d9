import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { LineSplitter, LineTooLong } from '../../../src/kube/line-splitter.ts'

const split = (splitter: LineSplitter, chunks: readonly Uint8Array[]): readonly string[] =>
  chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk))].map((line) => line.toString('latin1')))

describe('the line splitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    const bytes = fc.uint8Array({ max: 12 }).map((array) => array.map((byte) => byte + 8))
    fc.assert(
      fc.property(fc.array(bytes), (chunks) => {
        const splitter = new LineSplitter(10_000)
        const whole = Buffer.concat(chunks).toString('latin1')
        const lines = whole.split('\n')
        const rest = lines.pop() ?? ''
        expect(split(splitter, chunks)).toEqual(lines.filter((line) => line !== ''))
        expect(splitter.pending).toBe(rest.length)
      }),
    )
  })

  it('copies a line of 8 MiB that comes in small chunks once', () => {
    const splitter = new LineSplitter(16 * 1024 * 1024)
    const chunk = Buffer.alloc(64, 'x')
    const copying = vi.spyOn(Buffer, 'concat')
    let lines = 0
    for (let i = 0; i < (8 * 1024 * 1024) / 64; i++) lines += [...splitter.push(chunk)].length
    expect(lines).toBe(0)
    const [line] = splitter.push(Buffer.from('\n'))
    expect(line?.length).toBe(8 * 1024 * 1024)
    expect(copying).toHaveBeenCalledOnce()
    copying.mockRestore()
  })

  it('refuses a line that has no end', () => {
    const splitter = new LineSplitter(100)
    expect(split(splitter, [Buffer.alloc(100, 'x')])).toEqual([])
    expect(() => split(splitter, [Buffer.from('x')])).toThrow(LineTooLong)
  })
})
