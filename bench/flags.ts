import { type ParseArgsConfig, parseArgs } from 'node:util'
import { PROXY_MODES, type ProxyMode } from '../src/dataplane/proxy-modes.ts'
import { BenchError } from './error.ts'

/** Flags that every suite has; a suite spreads them into its own `parseArgs` options. */
export const sharedFlags = {
  json: { type: 'string' },
  check: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options']

export const sharedFlagsHelp = `  --json FILE      also write the figures as JSON to FILE
  --check          exit 1 when a figure misses its bound
  -h, --help       print this text
`

/** `parseArgs` in strict mode; throws a BenchError `BENCH_USAGE` for an unknown flag or a stray argument. */
export function parseFlags<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw new BenchError('BENCH_USAGE', `${error instanceof Error ? error.message : error}; see --help`)
  }
}

/** A whole number flag of at least `least`. Throws a BenchError `BENCH_USAGE` for anything else. */
export function count(name: string, text: string | undefined, fallback: number, least = 1): number {
  if (text === undefined) return fallback
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least) return value
  throw new BenchError('BENCH_USAGE', `--${name} must be a whole number of at least ${least}, not "${text}"`)
}

/** Several of them, separated by commas. */
export const counts = (
  name: string,
  text: string | undefined,
  fallback: readonly number[],
): readonly number[] => (text === undefined ? fallback : text.split(',').map((part) => count(name, part, 1)))

/** The value of `--backend`. */
export function proxyMode(name: string): ProxyMode {
  const mode = PROXY_MODES.find((mode) => mode === name)
  if (mode !== undefined) return mode
  throw new BenchError('BENCH_USAGE', `--backend knows ${PROXY_MODES.join(', ')}, not "${name}"`)
}
