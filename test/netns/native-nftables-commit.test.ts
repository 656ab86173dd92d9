import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NetlinkError, NftablesSocket, NftTransaction } from '../../src/native/nftables.ts'
import { Netns } from '../support/netns.ts'

let netns: Netns
let socket: NftablesSocket

beforeEach(async () => {
  netns = await Netns.create('nft')
  socket = await NftablesSocket.open({ netns: netns.path })
  await socket.commit(table().addTable().addSet(EPS).addChain({ name: 'c' }))
})
afterEach(async () => {
  await socket.close()
  await netns.dispose()
})

const EPS = { name: 'eps', keyType: 0, keyLength: 16, dataType: 0, dataLength: 8, size: 400_000 }
const LAYOUT = { keyLength: 16, dataLength: 8 }
const WIDTH = 24
const table = () => new NftTransaction('ip', 'hawser')
const drop = [{ expr: 'immediate', dreg: 0, data: 'drop' }] as const

/** `count` records whose key and data both tell which they are. */
function records(count: number, first = 0): Uint8Array {
  const bytes = new Uint8Array(count * WIDTH)
  const view = new DataView(bytes.buffer)
  for (let index = 0; index < count; index++) {
    view.setUint32(index * WIDTH, first + index)
    view.setUint32(index * WIDTH + 16, (first + index) ^ 0x5a5a5a5a)
  }
  return bytes
}

/** Records in a form that does not depend on the kernel's hash order. */
const sorted = (bytes: Uint8Array): string[] =>
  Array.from({ length: bytes.length / WIDTH }, (_, index) =>
    Buffer.from(bytes.subarray(index * WIDTH, (index + 1) * WIDTH)).toString('hex'),
  ).sort()

async function failureOf(promise: Promise<unknown>): Promise<NetlinkError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof NetlinkError))
    throw new TypeError(`a NetlinkError was expected, not ${String(thrown)}`)
  return thrown
}

describe('a transaction', () => {
  it('leaves nothing behind when one of its elements is refused', async () => {
    const before = await socket.generation()
    const absent = records(1, 999)
    const tx = table().addElements('eps', records(3), LAYOUT).deleteElements('eps', absent, LAYOUT)
    await expect(socket.commit(tx)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await socket.dumpElements('ip', 'hawser', 'eps', LAYOUT)).toHaveLength(0)
    expect(await socket.generation()).toBe(before)
  })

  it('that is empty sends nothing', async () => {
    expect(await socket.commit(table())).toMatchObject({ messages: 0, bytes: 0, syscalls: 0 })
  })

  it('of one element is one send and one receive', async () => {
    const { messages, syscalls } = await socket.commit(table().addElements('eps', records(1), LAYOUT))
    expect({ messages, syscalls }).toEqual({ messages: 3, syscalls: 2 })
  })

  it('can be committed again as it stands', async () => {
    const tx = table().addElements('eps', records(2), LAYOUT)
    await socket.commit(tx)
    await socket.commit(tx)
    expect(sorted(await socket.dumpElements('ip', 'hawser', 'eps', LAYOUT))).toEqual(sorted(records(2)))
  })

  it('destroys a table that is there and one that is not', async () => {
    await socket.commit(table().destroyTable())
    await socket.commit(table().destroyTable())
    expect(await socket.dumpTables('ip')).toEqual([])
  })

  it('tells the handles of its rules, by which they are deleted', async () => {
    const tx = table().addRule('c', drop).addRule('c', drop)
    const { handles } = await socket.commit(tx, { echo: true })
    expect([...handles.keys()]).toEqual([0, 1])
    const [first] = handles.values()
    await socket.commit(table().deleteRule('c', first ?? 0))
    const left = await socket.dumpRules('ip', 'hawser', 'c')
    expect(left.map((rule) => rule.handle)).toEqual([handles.get(1)])
  })

  it('flushes chains and sets', async () => {
    await socket.commit(table().addRule('c', drop).addElements('eps', records(5), LAYOUT))
    await socket.commit(table().flushChain('c').flushSet('eps'))
    expect(await socket.dumpRules('ip', 'hawser', 'c')).toEqual([])
    expect(await socket.dumpElements('ip', 'hawser', 'eps', LAYOUT)).toHaveLength(0)
  })
})

describe('an error', () => {
  it('names the operation, the errno and every operation that failed', async () => {
    const error = await failureOf(
      socket.commit(table().addChain({ name: 'd' }).deleteChain('nosuch').deleteSet('neither')),
    )
    expect(error.code).toBe('ENOENT')
    expect(error.operation).toBe('delete chain nosuch of table ip hawser')
    expect(error.failures.map(({ op, code }) => ({ op, code }))).toEqual([
      { op: 1, code: 'ENOENT' },
      { op: 2, code: 'ENOENT' },
    ])
    expect(error.message).toContain('cannot delete chain nosuch of table ip hawser')
  })

  it.each([0, 4_321])('names element %i of a bulk operation, whichever message carried it', async (bad) => {
    const present = records(5_000)
    await socket.commit(table().addElements('eps', present, LAYOUT))
    const wanted = present.slice()
    wanted.fill(0xee, bad * WIDTH, bad * WIDTH + 16)
    const error = await failureOf(socket.commit(table().deleteElements('eps', wanted, LAYOUT)))
    expect(error.failures).toMatchObject([{ op: 0, element: bad, code: 'ENOENT' }])
    expect(error.message).toContain(`(element ${bad})`)
  })

  it('says that an element exists with other data', async () => {
    await socket.commit(table().addElements('eps', records(1), LAYOUT))
    const other = records(1)
    other[20] = 0xff
    const error = await failureOf(socket.commit(table().addElements('eps', other, LAYOUT)))
    expect(error.code).toBe('EEXIST')
    expect(error.failures[0]?.element).toBe(0)
  })

  it('carries the kernel’s own words and the offset of the attribute', async () => {
    const tx = table().addRule('c', [{ expr: 'lookup', sreg: 1, set: 'nosuch' }])
    const [failure] = (await failureOf(socket.commit(tx))).failures
    expect(failure).toMatchObject({ op: 0, code: 'ENOENT' })
    expect(failure?.attributeOffset).toBeGreaterThan(16)
  })

  it('is ERESTART when the ruleset is of another generation, and changes nothing', async () => {
    const generation = await socket.generation()
    await netns.exec('nft', 'add', 'table', 'ip', 'theirs')
    const error = await failureOf(socket.commit(table().addChain({ name: 'd' }), { generation }))
    expect(error.code).toBe('ERESTART')
    expect(error.failures).toMatchObject([{ op: -1 }])
    expect((await socket.dumpChains('ip', 'hawser')).map(({ name }) => name)).toEqual(['c'])
  })

  it('does not come while the generation is followed', async () => {
    let generation = await socket.generation()
    for (const name of ['d', 'e', 'f']) {
      const result = await socket.commit(table().addChain({ name }), { generation })
      generation = result.generation ?? -1
    }
    expect(await socket.generation()).toBe(generation)
  })
})

describe('bulk elements', () => {
  it('come back as they went in, 10,000 of them', async () => {
    const sent = records(10_000)
    await socket.commit(table().addElements('eps', sent, LAYOUT))
    expect(sorted(await socket.dumpElements('ip', 'hawser', 'eps', LAYOUT))).toEqual(sorted(sent))
  })

  it('travel in one send, however many', async () => {
    const result = await socket.commit(table().addElements('eps', records(220_000), LAYOUT))
    expect(result.bytes).toBeGreaterThan(9_000_000)
    expect(result.syscalls).toBe(2)
  })

  it('do not block the event loop while they commit', async () => {
    let done = false
    let turns = 0
    const turn = () => {
      if (done) return
      turns++
      setImmediate(turn)
    }
    const commit = socket.commit(table().addElements('eps', records(200_000), LAYOUT))
    turn()
    await commit
    done = true
    expect(turns).toBeGreaterThan(100)
  })
})

describe('encoded transactions', () => {
  it('have the same effect when they are replayed in another namespace', async () => {
    const other = await Netns.create('nft')
    const replaying = await NftablesSocket.open({ netns: other.path })
    try {
      const batches = [
        await socket.encode(table().addTable().addSet(EPS)),
        await socket.encode(table().addElements('eps', records(100), LAYOUT)),
      ]
      const nanoseconds = await replaying.replay(batches)
      expect(nanoseconds.every((time) => time > 0)).toBe(true)
      expect(sorted(await replaying.dumpElements('ip', 'hawser', 'eps', LAYOUT))).toEqual(
        sorted(records(100)),
      )
    } finally {
      await replaying.close()
      await other.dispose()
    }
  })

  it('that the kernel refuses fail the replay', async () => {
    const refused = await socket.encode(table().deleteChain('nosuch'))
    await expect(socket.replay([refused])).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('that are no batches are refused before they reach the kernel', async () => {
    const garbage = Uint8Array.from({ length: 64 }, (_, index) => index)
    const sent = socket.stats().bytes
    await expect(socket.replay([garbage])).rejects.toMatchObject({ code: 'ERR_NATIVE_PROGRAM' })
    expect(socket.stats().bytes).toBe(sent)
  })
})
