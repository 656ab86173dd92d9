import type { ChainSpec } from '../../native/nftables.ts'
import type { Statement } from './statements.ts'

/** A chain and its rules, in order: what a table of ours is made of and compared with. */
export interface Chain extends ChainSpec {
  readonly rules: readonly Statement[]
}
