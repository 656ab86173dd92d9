import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NftMonitor } from '../../src/native/nft-monitor.ts'
import { NftablesSocket, NftTransaction } from '../../src/native/nftables.ts'
import { Netns } from '../support/netns.ts'

let netns: Netns
let socket: NftablesSocket
let monitor: NftMonitor

beforeEach(async () => {
  netns = await Netns.create('monitor')
  socket = await NftablesSocket.open({ netns: netns.path })
  await socket.commit(new NftTransaction('ip', 'ours').addTable())
  monitor = await NftMonitor.open({
    netns: netns.path,
    tables: [{ family: 'ip', name: 'ours' }],
  })
})

afterEach(async () => {
  await monitor?.close()
  await socket?.close()
  await netns?.dispose()
})

describe('a monitor of nf_tables', () => {
  it('tells who changed a watched table, and nothing of the others or of ourselves', async () => {
    await socket.commit(new NftTransaction('ip', 'ours').addChain({ name: 'own' }))
    await netns.exec('nft', 'add table ip theirs')
    await netns.exec('nft', 'add chain ip ours foreign')
    const told = await monitor.next()
    expect(told).toMatchObject({ lost: false, changes: [{ family: 'ip', name: 'ours', program: 'nft' }] })
    expect(told?.changes).toHaveLength(1)
  })

  it('tells one time of many changes that came meanwhile', async () => {
    await netns.exec('nft', 'add chain ip ours a; add chain ip ours b; add table ip theirs')
    expect((await monitor.next())?.changes).toHaveLength(1)
    const waiting = monitor.next()
    await netns.exec('nft', 'delete table ip ours')
    expect((await waiting)?.changes).toMatchObject([{ name: 'ours' }])
  })

  it('ends a wait when it is closed', async () => {
    const waiting = monitor.next()
    await monitor.close()
    expect(await waiting).toBeUndefined()
    expect(await monitor.next()).toBeUndefined()
  })
})
