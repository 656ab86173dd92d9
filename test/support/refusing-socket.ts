import { constants } from 'node:os'
import { NetlinkError, NftablesSocket, type NftTransaction } from '../../src/native/nftables.ts'

/** What the kernel is to say of the next transaction. */
export interface Refusal {
  /** Index of the operation that it stumbles over. */
  readonly op: number
  /** Name of the errno. */
  readonly code: keyof typeof constants.errno
  /** The record of a bulk operation that it names, if it names one. */
  readonly element?: number
}

/**
 * Stands between backends and the kernel, which cannot be made to fail at any message by any errno: a refused
 * transaction is not sent at all, which is what the kernel makes of it too, since it takes all of one or nothing.
 * Everything else goes through. Affects every NftablesSocket of the process until `restore`.
 */
export class RefusingSocket {
  readonly #commit: NftablesSocket['commit'] = NftablesSocket.prototype.commit
  #refusal: Refusal | undefined
  /** What was refused since `refuse`. */
  #refused: NftTransaction | undefined

  constructor() {
    const through = this.#commit
    const verdict = (tx: NftTransaction): NetlinkError | undefined => this.#verdict(tx)
    NftablesSocket.prototype.commit = async function commit(tx, options) {
      const error = verdict(tx)
      if (error !== undefined) throw error
      return through.call(this, tx, options)
    }
  }

  /** Arms: the next transaction with that many operations is refused, the one after it is not. */
  refuse(refusal: Refusal): void {
    this.#refusal = refusal
    this.#refused = undefined
  }

  /** The transaction that was refused, undefined when none had such an operation. Disarms. */
  refused(): NftTransaction | undefined {
    this.#refusal = undefined
    return this.#refused
  }

  restore(): void {
    NftablesSocket.prototype.commit = this.#commit
  }

  #verdict(tx: NftTransaction): NetlinkError | undefined {
    const refusal = this.#refusal
    if (refusal === undefined || refusal.op >= tx.operations) return undefined
    this.#refusal = undefined
    this.#refused = tx
    const { op, code, element } = refusal
    const errno = constants.errno[code]
    const failure = { op, errno, code, message: code, ...(element === undefined ? {} : { element }) }
    return new NetlinkError({ code, errno, reason: code, operation: tx.describe(op), failures: [failure] })
  }
}
