/**
 * `BENCH_USAGE`: the command line is wrong. `BENCH_FAILED`: the machine could not run the benchmark.
 * `BENCH_INTERRUPTED`: a signal ended it.
 */
export type BenchErrorCode = 'BENCH_USAGE' | 'BENCH_FAILED' | 'BENCH_INTERRUPTED'

/** A benchmark that can't be run; the message says what was being done and what to do about it. */
export class BenchError extends Error {
  override readonly name = 'BenchError'
  readonly code: BenchErrorCode

  constructor(code: BenchErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
