const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/**
 * Reads a resource.Quantity (`250m`, `1.5`, `64Mi`, `1e3`); undefined when it is none or negative. Exact up to 2^53,
 * which no CPU or memory amount of a node exceeds.
 */
export function parseQuantity(text: string): number | undefined {
  const match = /^\+?(\d+\.?\d*|\.\d+)(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/.exec(text)
  if (match === null) return undefined
  const [, digits = '', exponent, suffix = ''] = match
  const factor = suffixes[suffix]
  if (factor === undefined) return undefined
  return exponent === undefined ? Number(digits) * factor : Number(digits + exponent)
}

/** Milli-cores, rounded up as the API server does. 1e-6 absorbs what binary fractions add (0.1 * 1000). */
export const toMilli = (quantity: number): number => Math.ceil(quantity * 1000 - 1e-6)

/** Whole bytes, rounded up. */
export const toBytes = (quantity: number): number => Math.ceil(quantity - 1e-6)
