import { ConntrackSocket } from '../../native/conntrack.ts'
import { familyOf } from '../../util/address.ts'
import { formatEndpoint } from '../conntrack/live-endpoints.ts'
import type { LiveConnections } from './explanation.ts'
import type { Question } from './question.ts'

/** More than anybody reads; a busy Service has a hundred thousand. */
const MOST = 1000

/**
 * The connections to the address that the kernel tracks, of `from` alone when it is given: those that conntrack translates,
 * or where IPVS does that beside it, those that somebody else answers.
 */
export async function liveConnections(
  { address, port, protocol, from }: Question,
  { netns, translated }: { readonly netns: string | undefined; readonly translated: boolean },
): Promise<LiveConnections> {
  const socket = await ConntrackSocket.open(netns === undefined ? {} : { netns })
  try {
    const original = {
      destination: address,
      destinationPort: port,
      ...(from === undefined ? {} : { source: from }),
    }
    const filter = { family: familyOf(address), protocol, original, ...(translated ? { translated } : {}) }
    const { entries, matched } = await socket.findSome([filter], MOST)
    const all = [...entries]
    const led = all.filter(
      ({ original, reply }) =>
        translated || reply.source !== original.destination || reply.sourcePort !== original.destinationPort,
    )
    return {
      listed: led.map(({ original, reply, timeoutSeconds }) => ({
        client: formatEndpoint({ address: original.source, port: original.sourcePort }),
        // Answers come from the endpoint.
        endpoint: formatEndpoint({ address: reply.source, port: reply.sourcePort }),
        timeoutSeconds,
      })),
      total: matched - (all.length - led.length),
    }
  } finally {
    await socket.close()
  }
}
