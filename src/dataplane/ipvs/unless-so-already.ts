import { NetlinkError } from '../../native/route.ts'

/** Waits for changes that may find the kernel as they would have it: errors with these codes say just that. */
export async function unlessSoAlready(applied: Promise<void>, ...codes: readonly string[]): Promise<void> {
  try {
    await applied
  } catch (error) {
    // One without failures of operations is of the whole: nothing may have been done.
    const isSo =
      error instanceof NetlinkError &&
      error.failures.length > 0 &&
      error.failures.every(({ op, code }) => op >= 0 && codes.includes(code))
    if (!isSo) throw error
  }
}
