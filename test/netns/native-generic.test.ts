import { afterEach, beforeEach, expect, it } from 'vitest'
import { GenericSocket } from '../../src/native/generic.ts'
import { Netns } from '../support/netns.ts'
import { oracleDump, textOf } from './oracle.ts'

const NETLINK_GENERIC = 16
const GENL_ID_CTRL = 16

let netns: Netns
let socket: GenericSocket

beforeEach(async () => {
  netns = await Netns.create('genl')
  socket = await GenericSocket.open({ netns: netns.path })
})
afterEach(async () => {
  await socket.close()
  await netns.dispose()
})

it('generic netlink families are those that node-netlink lists', async () => {
  const CTRL = { id: 1, name: 2, version: 3 }
  // genlmsghdr: CTRL_CMD_GETFAMILY, version 1.
  const header = Buffer.from([3, 1, 0, 0])
  const request = { protocol: NETLINK_GENERIC, type: GENL_ID_CTRL, headerLength: 4, header }
  const oracle = (await oracleDump(netns, request)).map(({ attributes }) => ({
    id: attributes.get(CTRL.id)?.readUInt16LE(0),
    name: textOf(attributes.get(CTRL.name)),
    version: attributes.get(CTRL.version)?.readUInt32LE(0),
  }))
  expect(await socket.families()).toEqual(oracle)
  expect(oracle).toContainEqual({ id: GENL_ID_CTRL, name: 'nlctrl', version: 2 })
})

it('a family is resolved by its name', async () => {
  expect(await socket.resolve('nlctrl')).toEqual({ id: GENL_ID_CTRL, name: 'nlctrl', version: 2 })
})

it('a family that the kernel does not have is ENOENT', async () => {
  await expect(socket.resolve('hw-no-family')).rejects.toMatchObject({
    code: 'ENOENT',
    operation: 'resolve generic netlink family hw-no-family',
  })
})
