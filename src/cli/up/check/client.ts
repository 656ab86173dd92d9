import type { IpAddress } from '../../../util/address.ts'
import type { Target } from './targets.ts'

/** One try to reach a target. */
export interface Attempt {
  /** Why it got no answer; undefined when it did, or when the client cannot tell. */
  readonly error: string | undefined
  /** Tells the connection among others; undefined where the client does not learn it. */
  readonly localPort: number | undefined
}

/** Somewhere that connections are made from. */
export interface Client {
  /** `this machine`, `pod client`. */
  readonly name: string
  /** Where its connections come from; undefined where they can have any of the machine's addresses. */
  readonly addresses: readonly IpAddress[] | undefined
  /** Whether it has the means for this protocol. */
  can(protocol: Target['protocol']): boolean
  /** Makes that many connections, several at a time. Never rejects for what a target does. */
  connect(target: Target, times: number): Promise<readonly Attempt[]>
}
