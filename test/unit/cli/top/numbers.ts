import type { ConnectionsReply } from '../../../../src/cli/control/connections-reply.ts'
import type {
  ConnectionNumbers,
  EndpointConnections,
  ServiceConnections,
} from '../../../../src/dataplane/conntrack/connection-report.ts'
import { objectName } from '../../../../src/model/object-name.ts'

/** Totals that are zero but for these. */
export const numbers = (fields: Partial<ConnectionNumbers> = {}): ConnectionNumbers => ({
  opened: 0,
  closed: 0,
  active: 0,
  unreplied: 0,
  originalBytes: 0,
  replyBytes: 0,
  originalPackets: 0,
  replyPackets: 0,
  ...fields,
})

export const endpoint = (address: string, fields: Partial<ConnectionNumbers>): EndpointConnections => ({
  portName: 'http',
  protocol: 'TCP',
  endpoint: address,
  numbers: numbers(fields),
})

/** A Service of the namespace default. */
export const service = (
  name: string,
  fields: Partial<ConnectionNumbers>,
  endpoints: readonly EndpointConnections[] = [],
): ServiceConnections => ({
  service: objectName('default', name),
  numbers: numbers(fields),
  lifetimes: [0, 0, 0, 0, 0, 0, 0, 0],
  endpoints,
})

/** What the daemon answers `seconds` after the epoch. */
export const reply = (
  seconds: number,
  services: readonly ServiceConnections[],
  fields: Partial<ConnectionsReply> = {},
): ConnectionsReply => ({
  pid: 7,
  at: seconds * 1000,
  notCounted: null,
  countsBytes: true,
  lostEvents: 0,
  total: numbers(),
  services,
  ...fields,
})
