import { setTimeout as sleep } from 'node:timers/promises'

/** Tries `attempt` until it neither throws nor gives undefined; the last failure is what it rejects with. */
export async function eventually<Value>(
  attempt: () => Promise<Value | undefined> | Value | undefined,
  limitMs = 30_000,
): Promise<Value> {
  const deadline = Date.now() + limitMs
  for (;;) {
    let failure: unknown = new Error(`nothing after ${limitMs} ms`)
    try {
      const value = await attempt()
      if (value !== undefined) return value
    } catch (error) {
      failure = error
    }
    if (Date.now() > deadline) throw failure
    await sleep(20)
  }
}
