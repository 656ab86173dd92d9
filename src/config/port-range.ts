/** Both ends included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/** Reads `30000-32767`, or `30000+1000` as the API server's --service-node-port-range has it; undefined when it is none. */
export function parsePortRange(text: string): PortRange | undefined {
  const match = /^(\d{1,5})([-+])(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const first = Number(match[1])
  const last = match[2] === '-' ? Number(match[3]) : first + Number(match[3])
  return first >= 1 && last >= first && last <= 65_535 ? { first, last } : undefined
}

export const formatPortRange = ({ first, last }: PortRange): string => `${first}-${last}`
