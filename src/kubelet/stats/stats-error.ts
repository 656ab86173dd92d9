/** - `CGROUPS_MISSING`: no cgroup hierarchy counts CPU time or memory here. */
export type StatsErrorCode = 'CGROUPS_MISSING'

/** What pods use cannot be told. */
export class StatsError extends Error {
  override readonly name = 'StatsError'
  readonly code: StatsErrorCode

  constructor(code: StatsErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
