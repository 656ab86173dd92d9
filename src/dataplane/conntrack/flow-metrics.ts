import { type ObjectName, splitObjectName } from '../../model/object-name.ts'
import { FLOW_COLUMNS, LIFETIME_BOUNDS_SECONDS } from '../../native/conntrack-events.ts'
import { Largest } from '../../util/largest.ts'
import { Pacer } from '../../util/pacer.ts'
import {
  type CountRow,
  type CountSource,
  countServices,
  type ServiceCounts,
  visitEndpoints,
} from './flow-counts.ts'
import { formatEndpoint } from './live-endpoints.ts'

/** How many have series of their own: those that opened the most connections. */
export interface FlowMetricLimits {
  readonly services: number
  readonly endpoints: number
}

type FlowColumn = keyof typeof FLOW_COLUMNS

/** Of Services, endpoints and all together; `active` goes up and down, the others only ever grow. */
const SERIES: Readonly<Record<FlowColumn, readonly [name: string, help: string]>> = {
  opened: ['connections_opened_total', 'Connections opened'],
  closed: ['connections_closed_total', 'Connections that ended'],
  active: ['connections_active', 'Connections in the table'],
  unreplied: ['connections_unreplied_total', 'Connections that ended without a reply'],
  originalBytes: ['received_bytes_total', 'Bytes from clients, of connections that ended'],
  replyBytes: ['sent_bytes_total', 'Bytes to clients, of connections that ended'],
  originalPackets: ['received_packets_total', 'Packets from clients, of connections that ended'],
  replyPackets: ['sent_packets_total', 'Packets to clients, of connections that ended'],
}

const PREFIX = 'hawser_conntrack'

/** A row with its labels, braces included. */
type Labelled = readonly [labels: string, row: CountRow]

/**
 * Connections of all Services, and of the busiest Services and endpoints, in Prometheus' text format: thousands of
 * series that change at every scrape, so they are written by hand, a slice of the event loop at a time.
 */
export async function renderFlowMetrics(source: CountSource, limits: FlowMetricLimits): Promise<string> {
  const { total, services } = await countServices(source)
  const busiest = busiestServices(services, limits.services)
  const endpoints = await busiestEndpoints(source, limits.endpoints)
  const text = new PacedText()
  for (const column of Object.keys(FLOW_COLUMNS) as FlowColumn[]) {
    await addFamily(text, column, '', 'of all Services', [['', total]])
    const rows = busiest.map(([labels, { counts }]): Labelled => [`{${labels}}`, counts])
    await addFamily(text, column, 'service_', 'of the busiest Services', rows)
    await addFamily(text, column, 'endpoint_', 'of the busiest endpoints', endpoints)
  }
  await addLifetimes(text, busiest)
  return text.join()
}

function busiestServices(
  services: ReadonlyMap<ObjectName, ServiceCounts>,
  limit: number,
): (readonly [labels: string, counts: ServiceCounts])[] {
  const busiest = new Largest<readonly [string, ServiceCounts]>(limit)
  for (const [service, sums] of services)
    busiest.offer(sums.counts[FLOW_COLUMNS.opened] ?? 0, () => [serviceLabels(service), sums])
  return busiest.items()
}

async function busiestEndpoints(source: CountSource, limit: number): Promise<Labelled[]> {
  const busiest = new Largest<Labelled>(limit)
  if (limit > 0)
    await visitEndpoints(source, ({ service, portName, protocol }, endpoint, row) =>
      busiest.offer(row[FLOW_COLUMNS.opened] ?? 0, () => {
        const port = `port="${portName}",protocol="${protocol}"`
        return [`{${serviceLabels(service)},${port},endpoint="${formatEndpoint(endpoint)}"}`, row.slice()]
      }),
    )
  return busiest.items()
}

/** Names and addresses hold nothing that the text format wants escaped. */
function serviceLabels(service: ObjectName): string {
  const { namespace, name } = splitObjectName(service)
  return `namespace="${namespace}",service="${name}"`
}

async function addFamily(
  text: PacedText,
  column: FlowColumn,
  scope: string,
  whose: string,
  rows: readonly Labelled[],
): Promise<void> {
  const [name, help] = SERIES[column]
  const family = `${PREFIX}_${scope}${name}`
  text.head(family, `${help}, ${whose}`, column === 'active' ? 'gauge' : 'counter')
  for (const [labels, row] of rows) await text.line(`${family}${labels} ${row[FLOW_COLUMNS[column]] ?? 0}`)
}

/** A histogram without a sum, which the kernel's events do not add up to: quantiles need none. */
async function addLifetimes(
  text: PacedText,
  services: readonly (readonly [labels: string, counts: ServiceCounts])[],
): Promise<void> {
  const family = `${PREFIX}_service_connection_lifetime_seconds`
  const help =
    'How long connections lasted that ended, of the busiest Services; with net.netfilter.nf_conntrack_timestamp'
  text.head(family, help, 'histogram')
  for (const [labels, { lifetimes }] of services) {
    let count = 0
    for (const [i, bound] of [...LIFETIME_BOUNDS_SECONDS, '+Inf'].entries()) {
      count += lifetimes[i] ?? 0
      await text.line(`${family}_bucket{${labels},le="${bound}"} ${count}`)
    }
    await text.line(`${family}_count{${labels}} ${count}`)
  }
}

/** Joined at once, lines by the hundred thousand would hold everybody up. */
const LINES_PER_CHUNK = 1000

/** Lines of text, written with regard for who else waits for the event loop. */
class PacedText {
  readonly #chunks: string[] = []
  #lines: string[] = []
  readonly #pacer = new Pacer()

  head(family: string, help: string, type: 'counter' | 'gauge' | 'histogram'): void {
    this.#lines.push(`\n# HELP ${family} ${help}\n# TYPE ${family} ${type}\n`)
  }

  async line(text: string): Promise<void> {
    this.#lines.push(`${text}\n`)
    if (this.#lines.length >= LINES_PER_CHUNK) this.#joinLines()
    if (this.#pacer.due()) await this.#pacer.pause()
  }

  join(): string {
    this.#joinLines()
    return this.#chunks.join('')
  }

  #joinLines(): void {
    this.#chunks.push(this.#lines.join(''))
    this.#lines = []
  }
}
