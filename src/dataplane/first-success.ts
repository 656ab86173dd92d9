import { closedError } from './errors.ts'

/** Waits for something to succeed for the first time; it may also be given up. */
export class FirstSuccess {
  readonly promise: Promise<void>
  #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } = {
    resolve() {},
    reject() {},
  }

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Nobody has to wait for it.
    this.promise.catch(() => undefined)
  }

  resolve(): void {
    this.#settle.resolve()
  }

  /** Without effect behind `resolve`. */
  reject(): void {
    this.#settle.reject(closedError())
  }
}
