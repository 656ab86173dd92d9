import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadAddon } from '../../src/native/addon.ts'
import { NftablesSocket, NftTransaction } from '../../src/native/nftables.ts'
import { Netns } from '../support/netns.ts'

const run = promisify(execFile)
const addonPath =
  process.env.HAWSER_ADDON ?? fileURLToPath(new URL('../../build/Release/hawser.node', import.meta.url))

let netns: Netns
beforeEach(async () => {
  netns = await Netns.create('socket')
})
afterEach(() => netns.dispose())

const addTable = () => new NftTransaction('ip', 'hawser').addTable()

/** JavaScript that opens a socket in the namespace and keeps a request under way. */
const busySocket = () => `
  const { Socket } = require(${JSON.stringify(addonPath)})
  const socket = new Socket('nftables', ${JSON.stringify(netns.path)})
  socket.request(0, [])
`

describe('a socket', () => {
  it('works in the namespace that it was opened in, and nowhere else', async () => {
    const inside = await NftablesSocket.open({ netns: netns.path })
    try {
      await inside.commit(addTable())
      expect(await netns.exec('nft', 'list', 'tables')).toBe('table ip hawser\n')
    } finally {
      await inside.close()
    }
  })

  it('says which namespace it cannot enter', async () => {
    const opening = NftablesSocket.open({ netns: '/var/run/netns/hw-nosuch' })
    await expect(opening).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining('/var/run/netns/hw-nosuch'),
    })
  })

  it('closes any number of times and answers no more', async () => {
    const socket = await NftablesSocket.open({ netns: netns.path })
    await Promise.all([socket.close(), socket.close()])
    await socket.close()
    await expect(socket.generation()).rejects.toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
  })

  it('finishes the requests under way before it closes', async () => {
    const socket = await NftablesSocket.open({ netns: netns.path })
    const commits = Array.from({ length: 20 }, () => socket.commit(addTable()))
    await socket.close()
    await expect(Promise.all(commits)).resolves.toHaveLength(20)
  })

  it('counts what it sent, received and was refused', async () => {
    const socket = await NftablesSocket.open({ netns: netns.path })
    try {
      await expect(socket.commit(new NftTransaction('ip', 'nosuch').deleteTable())).rejects.toThrow()
      const { bytes, received, ...counts } = socket.stats()
      expect(counts).toEqual({ messages: 3, syscalls: 2, overruns: 0, errors: { ENOENT: 1 } })
      expect(bytes).toBeGreaterThan(60)
      expect(received).toBeGreaterThan(0)
    } finally {
      await socket.close()
    }
  })

  it('answers concurrent requests in order', async () => {
    const socket = await NftablesSocket.open({ netns: netns.path })
    try {
      const before = await socket.generation()
      const chains = Array.from({ length: 50 }, (_, index) => `c${index}`)
      const commits = chains.map((name) => socket.commit(addTable().addChain({ name })))
      const after = socket.generation()
      await Promise.all(commits)
      expect(await after).toBe(before + 50)
      expect((await socket.dumpChains('ip', 'hawser')).map(({ name }) => name)).toEqual(chains)
    } finally {
      await socket.close()
    }
  })
})

describe('the addon', () => {
  it('refuses a family that it does not have', () => {
    const { Socket } = loadAddon()
    expect(() => new Socket('nosuch')).toThrow(TypeError)
  })

  it('refuses a program that is no program', async () => {
    const { Socket } = loadAddon()
    const socket = new Socket('nftables', netns.path)
    try {
      await socket.request(0, [])
      for (const length of [0, 1, 3, 7, 64, 1000]) {
        const program = Uint8Array.from({ length }, (_, index) => (index * 37 + length) & 0xff)
        const options = new Uint8Array(5)
        await expect(socket.request(1, [options, program])).rejects.toMatchObject({
          code: 'ERR_NATIVE_PROGRAM',
        })
        await expect(socket.request(9, [program])).rejects.toMatchObject({ code: expect.any(String) })
      }
    } finally {
      await socket.close()
    }
  })

  it('lets the process end while a socket is open', async () => {
    await run(process.execPath, ['-e', busySocket()], { timeout: 20_000 })
  })

  it('survives workers that are ended at any moment of their requests', async () => {
    const worker = `${busySocket()}
      for (let i = 0; i < 300; i++) socket.request(4, []).catch(() => {})
      require('node:worker_threads').parentPort.postMessage('busy')`
    // In a process of its own: what goes wrong here ends the process, and must not end the test runner.
    await run(process.execPath, [
      '-e',
      `const { Worker } = require('node:worker_threads')
      const { once } = require('node:events')
      async function main() {
        for (let round = 0; round < 20; round++) {
          const worker = new Worker(${JSON.stringify(worker)}, { eval: true })
          await once(worker, 'message')
          for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve))
          await worker.terminate()
        }
      }
      main()`,
    ])
  })

  it('ends the thread of a socket that was forgotten', async () => {
    const { stdout } = await run(process.execPath, [
      '--expose-gc',
      '-e',
      `const { readdirSync, readFileSync } = require('node:fs')
      const nameOf = (id) => {
        // A thread may end between the listing and the reading.
        try { return readFileSync('/proc/self/task/' + id + '/comm', 'utf8') } catch { return '' }
      }
      const threads = () => readdirSync('/proc/self/task').filter((id) => nameOf(id).startsWith('hawser-')).length
      async function open() { ${busySocket()}; await socket.request(4, []) }
      async function main() {
        await open()
        const before = threads()
        const deadline = Date.now() + 10_000
        while (threads() > 0 && Date.now() < deadline) {
          gc()
          await new Promise((resolve) => setImmediate(resolve))
        }
        console.log(before, threads())
      }
      main()`,
    ])
    expect(stdout).toBe('1 0\n')
  })
})
