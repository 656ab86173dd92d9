import type { Expression, UnknownExpression } from '../../native/nft-expressions.ts'

/**
 * A text that two rules of ours share exactly when they do the same: expressions in order with all that they say, but
 * for what their counters have counted.
 */
export const expressionsText = (expressions: readonly (Expression | UnknownExpression)[]): string =>
  expressions.map(expressionText).join(';')

function expressionText(expression: Expression | UnknownExpression): string {
  if (expression.expr === 'counter') return 'counter'
  const values = Object.entries(expression).filter(([name]) => name !== 'expr')
  const words = values.map(([name, value]) => `${name}=${valueText(value)}`).sort()
  return `${expression.expr} ${words.join(' ')}`
}

const valueText = (value: unknown): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : JSON.stringify(value)
