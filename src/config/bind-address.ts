import { type IpAddress, parseAddress } from '../util/address.ts'

export interface BindAddress {
  readonly address: IpAddress
  readonly port: number
}

/** Reads `127.0.0.1:10249` or `[::1]:10249`; port 0 lets the kernel choose. Undefined when it is none. */
export function parseBindAddress(text: string): BindAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  const address = parseAddress(match?.[1] ?? match?.[2] ?? '')
  const port = Number(match?.[3])
  if (address === undefined || port > 65_535) return undefined
  return { address, port }
}

export const formatBindAddress = ({ address, port }: BindAddress): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
