import {
  addressLength,
  familyOf,
  formatAddress,
  type IpAddress,
  type IpFamily,
  packAddress,
} from '../util/address.ts'
import type { ProgramReader, ProgramWriter } from './program.ts'

const NONE = new Uint8Array(0)

/** AF_INET and AF_INET6 of linux/socket.h. */
export const FAMILY_NUMBERS: Readonly<Record<IpFamily, number>> = { IPv4: 2, IPv6: 10 }

/** AF_UNSPEC, 0, for both. */
export const familyNumber = (family: IpFamily | undefined): number =>
  family === undefined ? 0 : FAMILY_NUMBERS[family]

export const familyByNumber = (number: number): IpFamily => (number === FAMILY_NUMBERS.IPv6 ? 'IPv6' : 'IPv4')

/** Writes the 4 or 16 bytes of an address as a blob, an empty one for none. */
export function writeAddress(program: ProgramWriter, address: IpAddress | undefined): void {
  if (address === undefined) {
    program.blob(NONE)
    return
  }
  const bytes = new Uint8Array(addressLength(familyOf(address)))
  packAddress(address, bytes, 0)
  program.blob(bytes)
}

/** Reads such a blob: undefined for an empty one. */
export function readAddress(reader: ProgramReader): IpAddress | undefined {
  const bytes = reader.blob()
  return bytes.length === 0 ? undefined : formatAddress(bytes)
}

/** Reads an address that the kernel always sends; a RangeError when it did not. */
export const readRequiredAddress = (reader: ProgramReader): IpAddress => formatAddress(reader.blob())
