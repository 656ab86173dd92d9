/** How large the cluster is and how often one endpoint of it changes. */
export interface LoadSizes {
  readonly services: number
  /** Ready endpoints of each Service. */
  readonly endpoints: number
  /** Single-endpoint changes that are counted. */
  readonly changes: number
  /** Single-endpoint changes before them that are not. */
  readonly warmUp: number
}

/** What the process with the service proxy measured of itself; times in milliseconds. */
export interface Measured {
  readonly cold: number
  /** Processor time of all threads during the cold load: what others on the machine do disturbs it least. */
  readonly coldCpu: number
  readonly changes: readonly number[]
  readonly rssMib: number
  readonly rssPeakMib: number
  readonly syscallsCold: number
  readonly messagesCold: number
  readonly eventLoopP99: number
  readonly eventLoopMax: number
}

/** What the native loop took for the very same transactions; times in milliseconds. */
export interface Floor {
  readonly cold: number
  readonly changes: readonly number[]
}
