import { describe, expect, test } from 'vitest'
import { type FileContent, readDocuments } from '../../../src/sources/files/read-documents.ts'
import { Pacer } from '../../../src/util/pacer.ts'

const read = (text: string | Uint8Array): Promise<FileContent> =>
  readDocuments(typeof text === 'string' ? new TextEncoder().encode(text) : text, new Pacer())

const values = async (text: string): Promise<readonly unknown[]> => {
  const content = await read(text)
  if (content.kind === 'broken') throw new Error(JSON.stringify(content.faults))
  return content.documents.map(({ value }) => value)
}

const faults = async (text: string | Uint8Array) => {
  const content = await read(text)
  return content.kind === 'broken' ? content.faults : []
}

test('a file holds several documents, and empty ones are none', async () => {
  expect(await values('---\na: 1\n---\n# nothing\n---\nb: 2\n...\n')).toEqual([{ a: 1 }, { b: 2 }])
  expect(await values('')).toEqual([])
})

test('JSON is read too, tabs included', async () => {
  expect(await values('{\n\t"a": [1,\n\t\t"x"]\n}\n')).toEqual([{ a: [1, 'x'] }])
})

test('scalars are what they are to Kubernetes', async () => {
  expect(await values('a: 0644\nb: yes\nc: 2026-01-01\nd: 12:30\ne: "no"\nf: 1e3\ng: ~')).toEqual([
    { a: 0o644, b: true, c: '2026-01-01', d: '12:30', e: 'no', f: 1000, g: null },
  ])
})

test('anchors and merge keys are resolved', async () => {
  expect(await values('base: &b {x: 1}\nuse:\n  <<: *b\n  z: 2')).toEqual([
    { base: { x: 1 }, use: { x: 1, z: 2 } },
  ])
})

describe('finds the line and column of', () => {
  const text = ['a:', '  list:', '  - name: one', '  - name: two', '    port: 7', 'b: {c: 1}', ''].join('\n')
  test.each([
    [['a', 'list', 1, 'port'], 5, 5],
    [['a', 'list', 1], 4, 5],
    [['a', 'list', 1, 'missing', 'deeper'], 4, 5],
    [['b', 'c'], 6, 5],
    [['missing'], 1, 1],
    [[], 1, 1],
  ])('%j', async (path, line, column) => {
    const content = await read(text)
    expect(content.kind === 'documents' && content.documents[0]?.locate(path)).toEqual({ line, column })
  })

  test('a field of a later document, and behind an alias', async () => {
    const content = await read('x: 1\n---\nbase: &b\n  port: 1\nuse: *b\n')
    const second = content.kind === 'documents' ? content.documents[1] : undefined
    expect(second?.locate(['use', 'port'])).toEqual({ line: 4, column: 3 })
  })
})

describe('says where a broken file is broken:', () => {
  test.each([
    ['a: 1\nb: [1, 2\nc: 3\n', 3],
    ['a: 1\na: 2\n', 2],
    ['a:\n\tb: 1\n', 2],
    ['{"a": 1,, "b": 2}', 1],
    ['a: *nowhere\n', 1],
    ['a: 1\nb: !secret x\n', 2],
  ])('%j', async (text, line) => {
    const found = await faults(text)
    expect(found.length).toBeGreaterThan(0)
    expect(found[0]?.line).toBe(line)
    expect(found[0]?.reason).not.toContain('\n')
  })

  test('bytes that are not UTF-8', async () => {
    const bytes = new Uint8Array([...new TextEncoder().encode('name: é\nb: x'), 0xe9, 0x0a])
    expect(await faults(bytes)).toEqual([
      { line: 2, column: 5, reason: 'the file is not UTF-8: byte 0xe9 at offset 13' },
    ])
  })

  test('a byte order mark does not count', async () => {
    expect(await values('\ufeffa: 1')).toEqual([{ a: 1 }])
  })

  test('a file that ends within a character', async () => {
    expect(await faults(new Uint8Array([0x61, 0xe2, 0x82]))).toHaveLength(1)
  })

  test('aliases that would fill the memory', async () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
    for (const [index, name] of [...'bcdefg'].entries()) {
      const previous = 'abcdef'[index]
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${previous}`).join(',')}]`)
    }
    expect((await faults(bomb.join('\n')))[0]?.reason).toMatch(/alias/i)
  })
})
