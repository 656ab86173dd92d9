import type { IpFamily } from '../util/address.ts'

/**
 * - `NO_NFTABLES`: the kernel has no nf_tables, or not the parts of it that the table needs.
 * - `NO_IPVS`: the kernel has no IPVS, which the chosen mode needs.
 * - `NO_PERMISSION`: the process may not change the network namespace's rules.
 * - `NETNS_UNAVAILABLE`: the named network namespace could not be entered.
 * - `COMMIT_FAILED`: the kernel took a whole transaction back; it is tried again with back-off.
 * - `FRONTENDS_REFUSED`: everything is in force but for the frontends named; they are tried again with back-off.
 * - `CLOSED`: the proxy was closed meanwhile.
 */
export type DataplaneErrorCode =
  | 'NO_NFTABLES'
  | 'NO_IPVS'
  | 'NO_PERMISSION'
  | 'NETNS_UNAVAILABLE'
  | 'COMMIT_FAILED'
  | 'FRONTENDS_REFUSED'
  | 'CLOSED'

export class DataplaneError extends Error {
  override readonly name = 'DataplaneError'
  readonly code: DataplaneErrorCode
  /** What to do about it, in one sentence without a full stop. */
  readonly remedy: string

  constructor(code: DataplaneErrorCode, message: string, remedy: string, cause?: unknown) {
    super(`${message} (${remedy})`, { cause })
    this.code = code
    this.remedy = remedy
  }
}

export const closedError = (): DataplaneError =>
  new DataplaneError('CLOSED', 'the service proxy is closed', 'open a new one')

/** `delayMs`: from now to the next attempt. */
export const commitFailed = (family: IpFamily, error: Error, delayMs: number): DataplaneError =>
  error instanceof DataplaneError
    ? error
    : new DataplaneError(
        'COMMIT_FAILED',
        `the kernel did not take the ${family} Service rules: ${error.message}`,
        `trying again in ${delayMs} ms`,
        error,
      )
