import { type DestinationStream, pino } from 'pino'
import type { Logger } from '../../util/logger.ts'

const names: Readonly<Record<number, string>> = {
  20: 'debug',
  30: 'info',
  40: 'warning',
  50: 'error',
  60: 'fatal',
}

/**
 * The run's log: warnings and errors, with `verbose` all of it. On a terminal (`say` given) each record is a line above
 * the table; anywhere else it is pino's JSON on stderr.
 */
export function openLog(verbose: boolean, say: ((line: string) => void) | undefined): Logger {
  const level = verbose ? 'debug' : 'warn'
  if (say === undefined) return pino({ level }, pino.destination({ dest: 2, sync: true }))
  const stream: DestinationStream = { write: (record) => say(forPeople(record)) }
  return pino(
    { level, base: null, timestamp: false, serializers: { error: pino.stdSerializers.err } },
    stream,
  )
}

function forPeople(record: string): string {
  const parsed: unknown = JSON.parse(record)
  if (typeof parsed !== 'object' || parsed === null) return record.trim()
  const { level, msg, ...fields } = { level: 0, msg: '', ...parsed }
  const details = Object.entries(fields).map(([key, value]) => `${key}=${inWords(value)}`)
  return [`${names[level] ?? level}: ${msg}`, ...details].join(' ')
}

/** Of an error its message: the stack is for the JSON log. */
function inWords(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message)
  return JSON.stringify(value) ?? ''
}
