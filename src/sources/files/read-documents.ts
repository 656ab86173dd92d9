import {
  Composer,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  Parser,
  type Tags,
} from 'yaml'
import type { Pacer } from '../../util/pacer.ts'
import type { ObjectPath } from '../objects/object-path.ts'
import { decodeUtf8 } from './decode-utf8.ts'

/** A place in a file, both counted from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** One YAML document, as plain values, and where its fields stand. */
export interface FileDocument {
  readonly value: unknown
  /** The place of a field, or of its nearest parent that is there. */
  locate(path: ObjectPath): Position
}

export interface FileFault extends Position {
  readonly reason: string
}

export type FileContent =
  | { readonly kind: 'documents'; readonly documents: readonly FileDocument[] }
  | { readonly kind: 'broken'; readonly faults: readonly FileFault[] }

/**
 * Reads the text of a manifest file: YAML of several documents, or JSON, which is YAML too. Scalars are read as
 * Kubernetes reads them, by YAML 1.1 (`0644` is octal, `on` is true) without its dates and base-60 numbers.
 */
export async function readDocuments(bytes: Uint8Array, pacer: Pacer): Promise<FileContent> {
  const decoded = decodeUtf8(bytes)
  if (decoded.kind === 'broken') return { kind: 'broken', faults: [notUtf8(bytes, decoded)] }
  const lines = new LineCounter()
  // The composer makes one document at a time: a file of thousands shares the event loop with everything else.
  const tokens = new Parser(lines.addNewLine).parse(decoded.text)
  const composer = new Composer({
    version: '1.1',
    customTags: kubernetesTags,
    lineCounter: lines,
    prettyErrors: false,
    // Its warnings are looked at here rather than printed.
    logLevel: 'error',
  })
  const faults: FileFault[] = []
  const read: FileDocument[] = []
  for (const document of composer.compose(tokens)) {
    if (pacer.due()) await pacer.pause()
    // A warning is a tag that nobody knows, which the API server refuses too.
    const wrong = [...document.errors, ...document.warnings]
    for (const error of wrong)
      faults.push({ ...position(lines, error.pos[0]), reason: oneLine(error.message) })
    if (wrong.length > 0) continue
    const result = toValue(document)
    if (result instanceof Error)
      faults.push({ ...position(lines, document.range[0]), reason: oneLine(result.message) })
    else if (result !== null && result !== undefined)
      read.push({ value: result, locate: (path) => position(lines, offsetOf(document, path)) })
  }
  return faults.length > 0 ? { kind: 'broken', faults } : { kind: 'documents', documents: read }
}

const kubernetesTags = (tags: Tags): Tags =>
  tags.filter(
    (tag) => typeof tag === 'string' || (tag.format !== 'TIME' && tag.tag !== 'tag:yaml.org,2002:timestamp'),
  )

/** Aliases are resolved here: too many of them (a "billion laughs" file) or an unknown one is an error. */
function toValue(document: Document): unknown {
  try {
    return document.toJS()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function position(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

/** Where the field's key stands, or the item of a list. */
function offsetOf(document: Document.Parsed, path: ObjectPath): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? document.range[0]
  for (const step of path) {
    const inside = isAlias(node) ? node.resolve(document) : node
    if (!isCollection(inside)) break
    const pair = isMap(inside) ? inside.items.find((item) => keyOf(item.key) === String(step)) : undefined
    node = pair === undefined ? inside.get(step, true) : pair.value
    const start = startOf(pair?.key ?? node)
    if (start === undefined) break
    offset = start
  }
  return offset
}

const keyOf = (key: unknown): string => String(isScalar(key) ? key.value : key)

const startOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined)

function notUtf8(bytes: Uint8Array, { before, offset }: { before: string; offset: number }): FileFault {
  const lines = before.split('\n')
  const byte = (bytes[offset] ?? 0).toString(16).padStart(2, '0')
  return {
    line: lines.length,
    column: (lines.at(-1) ?? '').length + 1,
    reason: `the file is not UTF-8: byte 0x${byte} at offset ${offset}`,
  }
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ').trim()
