import { isIPv4, isIPv6 } from 'node:net'

/** The two families that a Service, an EndpointSlice and a reconciler are split by (Service `ipFamilies`). */
export type IpFamily = 'IPv4' | 'IPv6'

declare const ipBrand: unique symbol
/** A canonical IP address: dotted quads without leading zeros, or lower-case compressed IPv6 (RFC 5952). */
export type IpAddress = string & { readonly [ipBrand]: true }

/** A CIDR with its host bits zero: `prefix` bits of `address` count. */
export interface Cidr {
  readonly family: IpFamily
  readonly address: IpAddress
  readonly prefix: number
}

/** Bytes of an address in a packed kernel key. */
export const addressLength = (family: IpFamily): 4 | 16 => (family === 'IPv4' ? 4 : 16)

export const familyOf = (address: IpAddress): IpFamily => (address.includes(':') ? 'IPv6' : 'IPv4')

/** Parses an address as written by a user or an API server; undefined when it is none. Never throws. */
export function parseAddress(text: string): IpAddress | undefined {
  if (isIPv4(text)) return text as IpAddress
  if (!isIPv6(text) || text.includes('%')) return undefined
  const bytes = new Uint8Array(16)
  packIPv6(text, bytes, 0)
  return formatAddress(bytes)
}

/** Writes the 4 or 16 network-order bytes of `address` at `offset`; returns the offset behind them. */
export function packAddress(address: IpAddress, into: Uint8Array, offset: number): number {
  return address.includes(':') ? packIPv6(address, into, offset) : packIPv4(address, into, offset)
}

/** Formats 4 or 16 network-order bytes canonically. Throws a RangeError for any other length. */
export function formatAddress(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as IpAddress
  if (bytes.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`)
  return formatIPv6(bytes)
}

/** Parses `10.0.0.0/8` or `fd00::/64`, host bits cleared; undefined when it is none. Never throws. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  const address = parseAddress(slash < 0 ? '' : text.slice(0, slash))
  const digits = text.slice(slash + 1)
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined
  const family = familyOf(address)
  const prefix = Number(digits)
  const bytes = new Uint8Array(addressLength(family))
  if (prefix > bytes.length * 8) return undefined
  packAddress(address, bytes, 0)
  clearHostBits(bytes, prefix)
  return { family, address: formatAddress(bytes), prefix }
}

export const formatCidr = (cidr: Cidr): string => `${cidr.address}/${cidr.prefix}`

/** Number of addresses in a CIDR, network and broadcast address included. */
export const cidrSize = (cidr: Cidr): bigint => 1n << BigInt(addressLength(cidr.family) * 8 - cidr.prefix)

/** The address at `index` (0 is the network address) of a CIDR. Throws a RangeError outside of it. */
export function cidrAddress(cidr: Cidr, index: bigint): IpAddress {
  if (index < 0n || index >= cidrSize(cidr))
    throw new RangeError(`${formatCidr(cidr)} has no address ${index}`)
  const bytes = new Uint8Array(addressLength(cidr.family))
  packAddress(cidr.address, bytes, 0)
  let rest = index
  for (let i = bytes.length - 1; rest > 0n; i--) {
    bytes[i] = (bytes[i] ?? 0) | Number(rest & 0xffn)
    rest >>= 8n
  }
  return formatAddress(bytes)
}

export function cidrContains(cidr: Cidr, address: IpAddress): boolean {
  if (familyOf(address) !== cidr.family) return false
  const bytes = new Uint8Array(addressLength(cidr.family))
  packAddress(address, bytes, 0)
  clearHostBits(bytes, cidr.prefix)
  return formatAddress(bytes) === cidr.address
}

function clearHostBits(bytes: Uint8Array, prefix: number): void {
  for (let i = 0; i < bytes.length; i++) {
    const keep = Math.max(0, Math.min(8, prefix - i * 8))
    bytes[i] = (bytes[i] ?? 0) & (0xff00 >> keep)
  }
}

function packIPv4(text: string, into: Uint8Array, offset: number): number {
  let value = 0
  let at = offset
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 46) {
      into[at++] = value
      value = 0
    } else {
      value = value * 10 + code - 48
    }
  }
  into[at++] = value
  return at
}

function packIPv6(text: string, into: Uint8Array, offset: number): number {
  const [head = '', tail] = text.split('::')
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  into.fill(0, offset, offset + 16)
  before.forEach((group, i) => {
    writeGroup(into, offset + i * 2, group)
  })
  after.forEach((group, i) => {
    writeGroup(into, offset + 16 - (after.length - i) * 2, group)
  })
  return offset + 16
}

function groups(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)]
    const quad = new Uint8Array(4)
    packIPv4(part, quad, 0)
    const [a = 0, b = 0, c = 0, d = 0] = quad
    return [a * 256 + b, c * 256 + d]
  })
}

function writeGroup(into: Uint8Array, offset: number, group: number): void {
  into[offset] = group >> 8
  into[offset + 1] = group & 0xff
}

function formatIPv6(bytes: Uint8Array): IpAddress {
  const parts: number[] = []
  for (let i = 0; i < 16; i += 2) parts.push((bytes[i] ?? 0) * 256 + (bytes[i + 1] ?? 0))
  let best = { start: -1, length: 1 }
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (i + length < 8 && parts[i + length] === 0) length++
    if (length > best.length) best = { start: i, length }
  }
  const hex = parts.map((part) => part.toString(16))
  if (best.start < 0) return hex.join(':') as IpAddress
  const head = hex.slice(0, best.start).join(':')
  const tail = hex.slice(best.start + best.length).join(':')
  return `${head}::${tail}` as IpAddress
}
