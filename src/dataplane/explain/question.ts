import type { Protocol } from '../../model/service.ts'
import { type IpAddress, parseAddress } from '../../util/address.ts'

/** A connection that somebody asks about. */
export interface Question {
  readonly address: IpAddress
  readonly port: number
  readonly protocol: Protocol
  /** Who opens it; undefined: anybody. */
  readonly from: IpAddress | undefined
}

/** Reads `10.96.0.1:80`, `10.96.0.1:53/udp` or `[fd00::1]:80/SCTP`; undefined when it is none. TCP by default. */
export function parseQuestion(text: string, from?: IpAddress): Question | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]/]+)):(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(text)
  const address = parseAddress(match?.[1] ?? match?.[2] ?? '')
  const port = Number(match?.[3])
  if (address === undefined || port < 1 || port > 65_535) return undefined
  return { address, port, protocol: protocolNamed(match?.[4] ?? 'tcp'), from }
}

const protocolNamed = (text: string): Protocol => {
  const name = text.toUpperCase()
  return name === 'UDP' || name === 'SCTP' ? name : 'TCP'
}
