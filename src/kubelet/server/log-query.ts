import type { LogOptions } from '../logs/read-log.ts'
import { RequestError } from './request-error.ts'

export interface LogQuery extends LogOptions {
  readonly previous: boolean
}

const STREAMS = { All: undefined, Stdout: 'stdout', Stderr: 'stderr' } as const

/** Reads core/v1 PodLogOptions from a query, by the API's rules. Throws a {@link RequestError}. */
export function parseLogQuery(query: URLSearchParams, now: number): LogQuery {
  // `tail` is what it once was called.
  const tail = query.get('tail') || query.get('tailLines')
  const tailLines = tail === null || tail === 'all' ? undefined : integer('tailLines', tail, 0)
  const limitBytes = optional(query, 'limitBytes', 1)
  const sinceSeconds = optional(query, 'sinceSeconds', 1)
  const sinceTime = query.get('sinceTime')
  if (sinceSeconds !== undefined && sinceTime !== null)
    throw new RequestError('INVALID', 'at most one of `sinceTime` or `sinceSeconds` may be specified')
  const stream = query.get('stream') ?? 'All'
  if (!isStream(stream))
    throw new RequestError('INVALID', `stream: ${JSON.stringify(stream)} is none of All, Stdout and Stderr`)
  if (stream !== 'All' && tailLines !== undefined)
    throw new RequestError('INVALID', '`tailLines` and specific `stream` are mutually exclusive for now')
  return {
    follow: flag(query, 'follow'),
    previous: flag(query, 'previous'),
    timestamps: flag(query, 'timestamps'),
    tailLines,
    limitBytes,
    sinceMs: sinceSeconds === undefined ? time(sinceTime) : now - sinceSeconds * 1_000,
    stream: STREAMS[stream],
  }
}

const isStream = (text: string): text is keyof typeof STREAMS => Object.hasOwn(STREAMS, text)

/** As the API's own conversion: what is there and says nothing else is true. */
function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)
  return value !== null && value !== '0' && value.toLowerCase() !== 'false'
}

function optional(query: URLSearchParams, name: string, least: number): number | undefined {
  const value = query.get(name)
  return value === null ? undefined : integer(name, value, least)
}

function integer(name: string, value: string, least: number): number {
  if (!/^[+-]?\d{1,19}$/.test(value))
    throw new RequestError('BAD_REQUEST', `Unable to decode query: ${name} must be a whole number`)
  const number = Number(value)
  if (number < least) throw new RequestError('INVALID', `${name} must be ${least} or more`)
  return number
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/

function time(value: string | null): number | undefined {
  if (value === null) return undefined
  const ms = RFC3339.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(ms))
    throw new RequestError('BAD_REQUEST', 'Unable to decode query: sinceTime must be a time of RFC 3339')
  return ms
}
