import type { RuleInfo } from '../../native/nftables.ts'
import type { IpFamily } from '../../util/address.ts'
import type { ExpectedChain, SharedPlace } from './expected-chains.ts'
import { expressionsText } from './expressions-text.ts'
import type { Rule } from './rule.ts'
import { ruleExpressions } from './rule-expressions.ts'

/** How a chain of ours is not as it should be. */
export interface ChainDamage {
  readonly expected: ExpectedChain
  readonly isGone: boolean
  /** Rules of Services that a shared chain lacks. */
  readonly lacks: readonly SharedPlace[]
  /** Handles of rules that have to go, for the chain's own to be written again; undefined: those are right. */
  readonly wrong: readonly number[] | undefined
}

/** Compares a chain with its rules in the kernel, undefined when it is not there. Undefined when it is as it should be. */
export function compareChain(
  expected: ExpectedChain,
  found: readonly RuleInfo[] | undefined,
  family: IpFamily,
): ChainDamage | undefined {
  // A rule never changes under its handle: those of Services need no look into.
  const places = expected.kind === 'shared' ? expected.places : NO_PLACES
  const handles = new Set(found?.map(({ handle }) => handle))
  const lacks = [...places].flatMap(([handle, place]) => (handles.has(handle) ? [] : [place]))
  if (found === undefined) return { expected, isGone: true, lacks, wrong: [] }
  const others = found.filter(({ handle }) => !places.has(handle))
  const { rules } = expected.chain
  const isRight = others.length === rules.length && others.every((info, i) => isRule(info, rules[i], family))
  if (isRight && lacks.length === 0) return undefined
  return { expected, isGone: false, lacks, wrong: isRight ? undefined : others.map(({ handle }) => handle) }
}

const NO_PLACES: ReadonlyMap<number, SharedPlace> = new Map()

/** Whether a rule of the kernel is this one, byte for byte. */
export const isRule = (info: RuleInfo, rule: Rule | undefined, family: IpFamily): boolean =>
  rule !== undefined && expressionsText(ruleExpressions(rule, family)) === expressionsText(info.expressions)
