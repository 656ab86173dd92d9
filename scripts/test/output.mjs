import { AsyncLocalStorage } from 'node:async_hooks'

/** Of the work under way: where what it says is kept, until it is let out. */
const kept = new AsyncLocalStorage()

/** Says something to the reader, now or, in work that is kept back, later. @param {string | Uint8Array} text */
export function say(text) {
  const store = kept.getStore()
  if (store === undefined || store.isOut) process.stdout.write(text)
  else store.texts.push(text)
}

/** Whether what is said is kept for later: programs must then be read, which else write for themselves. */
export const isKept = () => kept.getStore() !== undefined

/**
 * Begins work whose words are kept back, so that they do not mix with those of other work. They come out in one piece when
 * asked for, and at once from then on.
 *
 * @template Result
 * @param {() => Promise<Result>} work
 * @returns {{done: Promise<Result>, letOut(): void}}
 */
export function keepBack(work) {
  const store = { texts: /** @type {(string | Uint8Array)[]} */ ([]), isOut: false }
  return {
    done: kept.run(store, work),
    letOut() {
      store.isOut = true
      for (const text of store.texts.splice(0)) process.stdout.write(text)
    },
  }
}
