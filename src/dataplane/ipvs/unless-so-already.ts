import { NetlinkError } from '../../native/route.ts'

/** Waits for changes that may find the kernel as they would have it: errors with these codes say just that. */
export async function unlessSoAlready(applied: Promise<void>, ...codes: readonly string[]): Promise<void> {
  try {
    await applied
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.failures.some(({ code }) => !codes.includes(code)))
      throw error
  }
}
