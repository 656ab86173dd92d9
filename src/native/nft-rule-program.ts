import { loadAddon, type NativeExpressionSchema } from './addon.ts'
import type { Expression, UnknownExpression, Verdict } from './nft-expressions.ts'
import { type ProgramReader, ProgramWriter } from './program.ts'

declare const ruleProgramBrand: unique symbol
/** A rule's expressions, packed: make it once and add it to any number of transactions. */
export type RuleProgram = Uint8Array & { readonly [ruleProgramBrand]: true }

type Attribute = NativeExpressionSchema['attributes'][number]
type Schema = {
  readonly index: number
  readonly name: string
  readonly attributes: readonly Attribute[]
  readonly byNumber: ReadonlyMap<number, Attribute>
}
type Value = number | string | readonly string[] | Uint8Array | Verdict | undefined

/** Must match kUnknownExpression of native/nftables/expression_schema.h. */
const UNKNOWN = 255

/** Verdict codes of linux/netfilter.h (NF_DROP, NF_ACCEPT) and linux/netfilter/nf_tables.h (enum nft_verdicts). */
const VERDICT_CODES = { drop: 0, accept: 1, continue: -1, break: -2, jump: -3, goto: -4, return: -5 } as const

let schemas: { readonly byName: ReadonlyMap<string, Schema>; readonly byIndex: readonly Schema[] } | undefined

function loadSchemas() {
  if (schemas !== undefined) return schemas
  const byIndex = loadAddon()
    .expressionSchema()
    .map(({ name, attributes }, index) => ({
      index,
      name,
      attributes,
      byNumber: new Map(attributes.map((attribute) => [attribute.number, attribute])),
    }))
  schemas = { byIndex, byName: new Map(byIndex.map((schema) => [schema.name, schema])) }
  return schemas
}

/** Packs a rule's expressions. Throws a TypeError for an expression or a word that the schema does not have. */
export function packRule(expressions: readonly Expression[]): RuleProgram {
  const { byName } = loadSchemas()
  const writer = new ProgramWriter(64 * (expressions.length + 1))
  writer.u8(expressions.length)
  for (const expression of expressions) {
    const schema = byName.get(expression.expr)
    if (schema === undefined) throw new TypeError(`nf_tables expression ${expression.expr} is unknown`)
    packExpression(writer, schema, expression)
  }
  return writer.view() as RuleProgram
}

function packExpression(
  writer: ProgramWriter,
  schema: Schema,
  values: Readonly<Record<string, Value>>,
): void {
  const present = schema.attributes.filter((attribute) => values[attribute.name] !== undefined)
  writer.u8(schema.index).u8(present.length)
  for (const attribute of present) {
    writer.u8(attribute.number)
    packValue(writer, schema, attribute, values[attribute.name])
  }
}

function packValue(writer: ProgramWriter, schema: Schema, attribute: Attribute, value: Value): void {
  const wrong = () =>
    new TypeError(`${attribute.name} of expression ${schema.name} cannot be ${String(value)}`)
  switch (attribute.kind) {
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u64': {
      const number = numberOf(attribute, value)
      if (number === undefined) throw wrong()
      if (attribute.kind === 'u8') writer.u8(number)
      else if (attribute.kind === 'u64') writer.u64(number)
      else writer.u32(number)
      return
    }
    case 'string':
      if (typeof value !== 'string') throw wrong()
      writer.string(value)
      return
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw wrong()
      writer.blob(value)
      return
    case 'data':
      if (value instanceof Uint8Array) writer.u8(0).blob(value)
      else if (isVerdict(value)) packVerdict(writer.u8(1), value)
      else throw wrong()
  }
}

function numberOf({ words, bits }: Attribute, value: Value): number | undefined {
  if (typeof value === 'number') return value
  if (words === undefined) return undefined
  const names = bits === true && Array.isArray(value) ? value : [value]
  let number = 0
  for (const name of names) {
    const index = typeof name === 'string' ? words.indexOf(name) : -1
    if (index < 0) return undefined
    number = bits === true ? number | (1 << index) : index
  }
  return number
}

function isVerdict(value: Value): value is Verdict {
  if (typeof value === 'object') return 'kind' in value && value.kind in VERDICT_CODES
  return typeof value === 'string' && value in VERDICT_CODES
}

/** i32 code + string chain, as verdict elements and immediates have it. */
export function packVerdict(writer: ProgramWriter, verdict: Verdict): void {
  if (typeof verdict === 'string') writer.i32(VERDICT_CODES[verdict]).string('')
  else writer.i32(VERDICT_CODES[verdict.kind]).string(verdict.chain)
}

export function readVerdict(reader: ProgramReader): Verdict {
  const code = reader.i32()
  const chain = reader.string()
  switch (code) {
    case VERDICT_CODES.drop:
      return 'drop'
    case VERDICT_CODES.accept:
      return 'accept'
    case VERDICT_CODES.continue:
      return 'continue'
    case VERDICT_CODES.break:
      return 'break'
    case VERDICT_CODES.return:
      return 'return'
    case VERDICT_CODES.jump:
      return { kind: 'jump', chain }
    case VERDICT_CODES.goto:
      return { kind: 'goto', chain }
    default:
      throw new RangeError(`the kernel sent verdict ${code}, which nf_tables does not define`)
  }
}

/** Reads packed expressions back; numbers beyond the schema's words stay numbers. */
export function readExpressions(reader: ProgramReader): (Expression | UnknownExpression)[] {
  const { byIndex } = loadSchemas()
  return Array.from({ length: reader.u8() }, () => {
    const index = reader.u8()
    if (index === UNKNOWN) return { expr: 'unknown', name: reader.string(), data: reader.blob() }
    const schema = byIndex[index]
    if (schema === undefined) throw new RangeError(`expression ${index} is not in the schema`)
    const expression: Record<string, Value> = { expr: schema.name }
    for (let left = reader.u8(); left > 0; left--) {
      const attribute = schema.byNumber.get(reader.u8())
      if (attribute === undefined) throw new RangeError(`an attribute of ${schema.name} is not in the schema`)
      expression[attribute.name] = readValue(reader, attribute)
    }
    return expression as Expression
  })
}

function readValue(reader: ProgramReader, attribute: Attribute): Value {
  switch (attribute.kind) {
    case 'u8':
      return wordOf(attribute, reader.u8())
    case 'u16':
    case 'u32':
      return wordOf(attribute, reader.u32())
    case 'u64':
      return reader.u64()
    case 'string':
      return reader.string()
    case 'bytes':
      return reader.blob()
    case 'data':
      return reader.u8() === 0 ? reader.blob() : readVerdict(reader)
  }
}

function wordOf({ words, bits }: Attribute, number: number): Value {
  if (words === undefined) return number
  if (bits !== true) return words[number] ?? number
  // A bit without a word would be lost: keep the number then.
  if (number >>> words.length !== 0) return number
  return words.filter((_, bit) => number & (1 << bit))
}
