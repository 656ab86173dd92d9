/** What went through a network interface since it was made. */
export interface InterfaceCounters {
  readonly name: string
  readonly receive: TrafficCounters
  readonly transmit: TrafficCounters
}

export interface TrafficCounters {
  readonly bytes: number
  readonly packets: number
  readonly errors: number
  readonly dropped: number
}

/** Interfaces of a /proc/PID/net/dev but for the loopback one: `name: ` and eight columns for each direction. */
export function parseNetDev(text: string): readonly InterfaceCounters[] {
  return text.split('\n').flatMap((line) => {
    const [, name, counts = ''] = /^\s*(\S+):\s*(.*)$/.exec(line) ?? []
    if (name === undefined || name === 'lo') return []
    const columns = counts.split(/\s+/).map(Number)
    return [{ name, receive: trafficAt(columns, 0), transmit: trafficAt(columns, 8) }]
  })
}

function trafficAt(columns: readonly number[], from: number): TrafficCounters {
  const [bytes = 0, packets = 0, errors = 0, dropped = 0] = columns.slice(from)
  return { bytes, packets, errors, dropped }
}
