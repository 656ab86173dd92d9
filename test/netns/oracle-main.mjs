// Asks the kernel with node-netlink, in whatever network namespace this process is in, and prints the replies as JSON.
// usage: node oracle-main.mjs PROTOCOL MESSAGE_TYPE HEADER_HEX
import netlink from 'node-netlink'

const [protocol, type, header] = process.argv.slice(2)
const socket = await netlink.open({ family: Number(protocol) })
// It takes requests with NLM_F_ACK only; a dump ends with NLMSG_DONE all the same.
const packets = await socket.talk({
  header: {
    nlmsg_type: BigInt(type),
    nlmsg_flags: netlink.NLM_F_REQUEST | netlink.NLM_F_DUMP | netlink.NLM_F_ACK,
  },
  payload: Buffer.from(header, 'hex'),
})
const messages = packets.map(({ header: { nlmsg_type }, payload }) => ({
  type: Number(nlmsg_type),
  payload: payload.toString('hex'),
}))
process.stdout.write(JSON.stringify(messages))
await socket.close()
