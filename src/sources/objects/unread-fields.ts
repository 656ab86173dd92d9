import type { ObjectPath } from './object-path.ts'
import type { SchemaProblem } from './parsed.ts'

/**
 * The fields of an object that its schema does not name, as warnings. A field with its type's zero value counts as not
 * written, as Kubernetes' own omitempty has it. Loose schemas are skipped: their parsers look at the rest themselves.
 */
export function unreadFields(schema: unknown, input: unknown): readonly SchemaProblem[] {
  const problems: SchemaProblem[] = []
  walk(schema, input, [], problems)
  return problems
}

function walk(schema: unknown, input: unknown, path: ObjectPath, problems: SchemaProblem[]): void {
  if (!isRecord(schema) || input === null || input === undefined) return
  if (isRecord(schema.wrapped)) {
    walk(schema.wrapped, input, path, problems)
  } else if (Array.isArray(input)) {
    input.forEach((item, index) => {
      walk(schema.item, item, [...path, index], problems)
    })
  } else if (schema.type === 'object' && isRecord(schema.entries) && isRecord(input)) {
    for (const [key, value] of Object.entries(input)) {
      if (Object.hasOwn(schema.entries, key)) walk(schema.entries[key], value, [...path, key], problems)
      else if (!isZero(value)) problems.push(unread([...path, key], key, Object.keys(schema.entries)))
    }
  }
}

function unread(path: ObjectPath, key: string, known: readonly string[]): SchemaProblem {
  const meant = known.find((candidate) => similar(candidate, key))
  return {
    path,
    reason: 'is not supported by this node and ignored',
    severity: 'warning',
    ...(meant === undefined ? {} : { remedy: `did you mean ${meant}?` }),
  }
}

/** The same word but for case, or for one letter too many or too few. */
function similar(left: string, right: string): boolean {
  const [short, long] = [left.toLowerCase(), right.toLowerCase()].sort((a, b) => a.length - b.length)
  if (short === undefined || long === undefined || long.length - short.length > 1) return false
  if (short.length === long.length) return short === long
  const at = [...short].findIndex((letter, index) => letter !== long[index])
  return at < 0 || short.slice(at) === long.slice(at + 1)
}

export function isZero(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return isRecord(value) && Object.keys(value).length === 0
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
