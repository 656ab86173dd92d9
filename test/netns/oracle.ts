import { fileURLToPath } from 'node:url'
import type { Netns } from '../support/netns.ts'

const PROGRAM = fileURLToPath(new URL('oracle-main.mjs', import.meta.url))

/** A netlink message as the oracle saw it: fixed header and attributes by type, nothing interpreted. */
export interface OracleMessage {
  readonly type: number
  readonly header: Buffer
  readonly attributes: ReadonlyMap<number, Buffer>
}

/**
 * Dumps through the npm package node-netlink, which shares no code with the addon, from a process in `netns`. The request
 * is `type` with a fixed header of `headerLength` zero bytes, unless `header` gives them.
 */
export async function oracleDump(
  netns: Netns,
  request: { protocol: number; type: number; headerLength: number; header?: Buffer },
): Promise<OracleMessage[]> {
  const header = request.header ?? Buffer.alloc(request.headerLength)
  const words = [PROGRAM, String(request.protocol), String(request.type), header.toString('hex')]
  const messages: unknown = JSON.parse(await netns.exec(process.execPath, ...words))
  return (messages as { type: number; payload: string }[]).map(({ type, payload }) => {
    const bytes = Buffer.from(payload, 'hex')
    return {
      type,
      header: bytes.subarray(0, request.headerLength),
      attributes: readAttributes(bytes.subarray(request.headerLength)),
    }
  })
}

/** Splits netlink attributes (struct nlattr: u16 length with header, u16 type, payload, padding to 4). */
export function readAttributes(bytes: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>()
  for (let offset = 0; offset + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(offset)
    const type = bytes.readUInt16LE(offset + 2) & 0x3fff
    attributes.set(type, bytes.subarray(offset + 4, offset + length))
    offset += (Math.max(length, 4) + 3) & ~3
  }
  return attributes
}

/** A NUL-terminated string attribute. */
export const textOf = (attribute: Buffer | undefined): string =>
  (attribute ?? Buffer.alloc(0)).toString('utf8').replace(/\0+$/, '')

/** A u32 attribute; undefined when it is not there. */
export const numberOf = (attribute: Buffer | undefined): number | undefined => attribute?.readUInt32LE(0)
