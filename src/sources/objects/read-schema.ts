import * as v from 'valibot'
import type { ObjectPath } from './object-path.ts'
import type { SchemaProblem } from './parsed.ts'
import { unreadFields } from './unread-fields.ts'

/** How carefully an object is read. */
export interface Reading {
  /**
   * Whether fields that nobody reads become warnings: a look at every field, for the author of a file. What an API
   * server sends is written for every node.
   */
  readonly warnsOfUnread: boolean
}

export const FOR_AUTHORS: Reading = { warnsOfUnread: true }

/**
 * Reads an object by its schema. Issues become errors with the path of the field; fields that the schema does not
 * name become warnings, so that nothing written is ignored in silence.
 */
export function readSchema<const Schema extends v.GenericSchema>(
  schema: Schema,
  object: unknown,
  { warnsOfUnread }: Reading = FOR_AUTHORS,
): { output: v.InferOutput<Schema> | undefined; problems: readonly SchemaProblem[] } {
  const result = v.safeParse(schema, object, { abortPipeEarly: true })
  const unread = warnsOfUnread ? unreadFields(schema, object) : []
  if (result.success) return { output: result.output, problems: unread }
  return { output: undefined, problems: [...result.issues.map(toProblem), ...unread] }
}

function toProblem(issue: v.BaseIssue<unknown>): SchemaProblem {
  const path: ObjectPath = (issue.path ?? []).map((step) =>
    typeof step.key === 'number' ? step.key : String(step.key),
  )
  if (issue.received === 'undefined') return { path, reason: 'is required', severity: 'error' }
  // valibot's own messages say "Invalid …"; those of our schemas say what the value must be.
  const must = issue.message.startsWith('Invalid ') ? `must be ${expectation(issue.expected)}` : issue.message
  const reason = isScalar(issue.input) || issue.kind === 'schema' ? `${must}, not ${received(issue)}` : must
  const quotes = issue.kind === 'schema' && issue.expected === 'string' && isScalar(issue.input)
  return { path, reason, severity: 'error', ...(quotes ? { remedy: 'put the value in quotes' } : {}) }
}

const expectations: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  Object: 'a mapping',
  Array: 'a list',
  '(number | string)': 'a number or a name',
}

function expectation(expected: string | null): string {
  if (expected === null) return 'something else'
  return expectations[expected] ?? expected.replace(/^\((.*)\)$/, '$1').replaceAll(' | ', ' or ')
}

function received(issue: v.BaseIssue<unknown>): string {
  if (isScalar(issue.input)) return JSON.stringify(issue.input)
  return Array.isArray(issue.input) ? 'a list' : issue.input === null ? 'empty' : 'a mapping'
}

const isScalar = (input: unknown): boolean =>
  typeof input === 'string' || typeof input === 'number' || typeof input === 'boolean'
