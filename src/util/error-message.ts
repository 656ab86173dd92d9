/** What a caught value says of itself, in its own words. */
export const errorMessage = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
