/** Differences named one by one; how many more there are is said as a number. */
const NAMED_DIFFERENCES = 5

/** The first few differences, and how many more there are. */
export const shorten = (differences: readonly string[]): string[] => {
  const shown = differences.slice(0, NAMED_DIFFERENCES)
  return differences.length > shown.length
    ? [...shown, `${differences.length - shown.length} more such differences`]
    : shown
}
