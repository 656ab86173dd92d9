// Runs inside a network namespace of a test: keeps a connection to each target and asks over it all the time, asks on new
// ones beside, and counts what does not come back. `steady-client.ts` tells it what, and when to say how it went.
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'

/** From the answer to one question to the next. */
const PAUSE_MS = 40
/** Far above what an answer takes on a machine with much else to do: a lost datagram never comes, however long it is. */
const PATIENCE_MS = 8000

const answered = (data) => data.toString().trim().split(' ')[0]

function within(start) {
  let timer
  return new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error('silent')), PATIENCE_MS)
    start(resolve, reject)
  }).finally(() => clearTimeout(timer))
}

/** No port is used twice: where the kernel remembers a flow of datagrams it would go on, and not be a new one. */
let nextPort = 20_000

/** A connection, or a socket with a port of its own, that can be asked again and again. */
async function open({ protocol, address, port }) {
  if (protocol === 'UDP') {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    await new Promise((resolve) => socket.bind(nextPort++, resolve))
    await new Promise((resolve) => socket.connect(port, address, resolve))
    return { socket, send: () => socket.send('?'), event: 'message', close: () => socket.close() }
  }
  const socket = connect(port, address)
  await within((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  socket.on('error', () => {})
  return { socket, send: () => socket.write('?'), event: 'data', close: () => socket.destroy() }
}

function ask({ socket, send, event }) {
  return within((resolve, reject) => {
    socket.once(event, (data) => resolve(answered(data)))
    socket.once('close', () => reject(new Error('closed'))).once('error', reject)
    send()
  }).finally(() => {
    for (const name of [event, 'close', 'error']) socket.removeAllListeners(name)
    socket.on('error', () => {})
  })
}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
const report = []
const keepsAsking = true
let talks = true

async function talk(target, tally) {
  const connection = await open(target)
  while (keepsAsking) {
    if (talks) await note(tally, ask(connection))
    await pause()
  }
  connection.close()
}

async function askAnew(target, tally) {
  while (keepsAsking) {
    if (talks)
      await note(
        tally,
        open(target).then((connection) => ask(connection).finally(connection.close)),
      )
    await pause()
  }
}

async function note(tally, asked) {
  try {
    const from = await asked
    tally.answers++
    if (!tally.from.includes(from)) tally.from.push(from)
  } catch (error) {
    tally.failures.push(error.code ?? error.message)
  }
}

const tally = () => ({ answers: 0, from: [], failures: [] })

for (const target of JSON.parse(process.argv[2] ?? '[]')) {
  const { protocol, address, port } = target
  const entry = { target: `${address} ${port}/${protocol}`, held: tally(), fresh: tally() }
  report.push(entry)
  talk(target, entry.held).catch((error) => entry.held.failures.push(error.code ?? error.message))
  askAnew(target, entry.fresh)
}

process.on('message', ({ id, action }) => {
  if (action === 'rest') talks = false
  process.send({ id, result: report })
})
process.on('disconnect', () => process.exit(0))
process.send({ id: 0 })
