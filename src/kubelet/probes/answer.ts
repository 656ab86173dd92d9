/** What a probe was told. */
export interface Answer {
  readonly passed: boolean
  /** One line; what went wrong where something did. */
  readonly message: string
}
