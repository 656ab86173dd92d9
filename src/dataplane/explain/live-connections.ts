import { ConntrackSocket, type ConntrackTuple } from '../../native/conntrack.ts'
import { familyOf, type IpAddress } from '../../util/address.ts'
import type { LiveConnection } from './explanation.ts'
import type { Question } from './question.ts'

/** More than anybody reads; a busy Service has a hundred thousand. */
const MOST = 1000

/** The translated connections to the address that the kernel tracks, of `from` alone when it is given. */
export async function liveConnections(
  { address, port, protocol, from }: Question,
  netns: string | undefined,
): Promise<readonly LiveConnection[]> {
  const socket = await ConntrackSocket.open(netns === undefined ? {} : { netns })
  try {
    const original = {
      destination: address,
      destinationPort: port,
      ...(from === undefined ? {} : { source: from }),
    }
    const entries = await socket.find([{ family: familyOf(address), protocol, original, translated: true }])
    const found: LiveConnection[] = []
    for (const { original, reply, timeoutSeconds } of entries) {
      found.push({ client: clientOf(original), endpoint: endpointOf(reply), timeoutSeconds })
      if (found.length === MOST) break
    }
    return found
  } finally {
    await socket.close()
  }
}

const clientOf = ({ source, sourcePort }: ConntrackTuple): string => joined(source, sourcePort)
/** Answers come from the endpoint. */
const endpointOf = clientOf

const joined = (address: IpAddress, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
