/**
 * Waits for two parts that start beside each other. When one fails, `callOff` is to end the waits of the other, and this
 * rejects with that failure once both have come to their end: nothing is made behind the back of whoever undoes it all.
 */
export async function together<A, B>(
  parts: readonly [Promise<A>, Promise<B>],
  callOff: () => void,
): Promise<[A, B]> {
  let first: { readonly error: unknown } | undefined
  const failed = (error: unknown): void => {
    first ??= { error }
    callOff()
  }
  for (const part of parts) part.catch(failed)
  await Promise.allSettled(parts)
  if (first !== undefined) throw first.error
  return Promise.all(parts)
}
