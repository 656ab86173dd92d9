import { type Contestant, routeAddressValue, timed } from './contestant.ts'
import { openPeer, type PeerRequest, type PeerSocket } from './node-netlink.ts'

const netlinkRoute = 0
const netlinkNetfilter = 12

/** NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN (linux/netfilter/nf_tables.h). */
const getGeneration = 0x0a10n
/** linux/rtnetlink.h. */
const newRoute = 24n
const deleteRoute = 25n

/** NLM_F_REQUEST | NLM_F_ACK; the library waits for an ACK of each request. */
const acknowledged = 0x005n
/** NLM_F_CREATE | NLM_F_EXCL. */
const createOnly = 0x600n

/**
 * The same loads through the node-netlink package. It forgets every open request but the one whose answer comes
 * first, so that one in flight is all it can do, and it has no batches.
 */
export async function openPeerContestant(): Promise<Contestant> {
  const netfilter = await openPeer(netlinkNetfilter)
  const route = await openPeer(netlinkRoute)
  const generation: PeerRequest = {
    header: { nlmsg_type: getGeneration, nlmsg_flags: acknowledged },
    payload: Buffer.alloc(4),
  }
  return {
    name: 'node_netlink',
    roundTrips: (count) =>
      timed(async () => {
        for (let i = 0; i < count; i++) await netfilter.talk(generation)
      }),
    messages: (count) =>
      timed(async () => {
        await talkAll(route, count, (i) => routeRequest(newRoute, acknowledged | createOnly, i))
        await talkAll(route, count, (i) => routeRequest(deleteRoute, acknowledged, i))
      }),
    close: async () => {
      await netfilter.close()
      await route.close()
    },
  }
}

async function talkAll(
  socket: PeerSocket,
  count: number,
  request: (index: number) => PeerRequest,
): Promise<void> {
  for (let i = 0; i < count; i++) await socket.talk(request(i))
}

/** A struct rtmsg of a /32 in the main table, and its RTA_DST; a deletion matches any protocol and scope. */
function routeRequest(type: bigint, flags: bigint, index: number): PeerRequest {
  const protocol = type === newRoute ? 4 /* RTPROT_STATIC */ : 0
  const scope = type === newRoute ? 0 /* RT_SCOPE_UNIVERSE */ : 255 /* RT_SCOPE_NOWHERE */
  const payload = Buffer.alloc(20)
  payload.set([2 /* AF_INET */, 32, 0, 0, 254 /* RT_TABLE_MAIN */, protocol, scope, 6 /* RTN_BLACKHOLE */])
  new Uint16Array(payload.buffer, payload.byteOffset + 12, 2).set([8, 1 /* RTA_DST */])
  payload.writeUInt32BE(routeAddressValue(index), 16)
  return { header: { nlmsg_type: type, nlmsg_flags: flags }, payload }
}
