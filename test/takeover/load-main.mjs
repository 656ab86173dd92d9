// Runs inside a network namespace of a test: a steady load of clients, as `load.ts` tells it over the process channel.
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Longer than the kernel takes for a third SYN (1 s + 2 s): what is only late is told apart from what is lost. */
const PATIENCE_MS = 5000

/** A lost SYN is sent again after 1 s (RFC 6298), so a handshake that takes this long lost one. */
const LATE_MS = 900

const BEAT_MS = 20

/** More would say the same again. */
const MAX_FAILURES = 50

let tally = emptyTally()
const underWay = new Set()

function emptyTally() {
  return { connections: 0, datagrams: 0, talks: 0, slowestMs: 0, stalledMs: 0, failed: 0, failures: [] }
}

/** A machine that has no time for this process makes everything late, and that is no proxy's fault. */
let beat = Date.now()
setInterval(() => {
  tally.stalledMs = Math.max(tally.stalledMs, Date.now() - beat - BEAT_MS)
  beat = Date.now()
}, BEAT_MS)

const actions = {
  /** Begins: `loops` clients a target, each with a pause of `pauseMs` between two attempts. */
  async start({ targets, held, loops, pauseMs }) {
    for (const target of targets)
      for (let loop = 0; loop < loops; loop++)
        void repeat(pauseMs, () => (target.protocol === 'UDP' ? datagram(target) : connection(target)))
    for (const target of held) await hold(target, pauseMs)
  },

  /** What came of everything that was begun since the last time. */
  async take() {
    const open = [...underWay]
    await Promise.all(open)
    const taken = tally
    tally = emptyTally()
    return taken
  },
}

async function repeat(pauseMs, attempt) {
  for (;;) {
    await counted(attempt())
    await sleep(pauseMs)
  }
}

/** Remembers it as under way, so that `take` waits for its end. */
async function counted(attempt) {
  underWay.add(attempt)
  await attempt
  underWay.delete(attempt)
}

/** A new TCP connection, one message and its answer. */
function connection(target) {
  tally.connections++
  const socket = connect({ port: target.port, host: target.address })
  const began = Date.now()
  const state = { port: undefined, phase: 'connecting' }
  return outcome(target, 'connection', state, (settle) => {
    socket.once('connect', () => {
      Object.assign(state, { port: socket.localPort, phase: 'connected' })
      if (Date.now() - began - tally.stalledMs > LATE_MS) settle('connected at the second SYN')
      socket.write('?')
    })
    socket.once('data', () => settle())
    socket.once('error', (error) => settle(error.code))
    socket.once('close', () => settle('closed without an answer'))
    // A reset leaves no TIME_WAIT: the ports of a long run would not suffice.
  }).finally(() => socket.resetAndDestroy())
}

/** A datagram from a port of its own, which makes it a new flow, and its answer. */
function datagram(target) {
  tally.datagrams++
  const socket = createSocket('udp4')
  return outcome(target, 'datagram', {}, (settle) => {
    socket.once('message', () => settle())
    socket.once('error', (error) => settle(error.code))
    socket.connect(target.port, target.address, () => socket.send('?'))
  }).finally(() => socket.close())
}

/** A connection, or a flow of datagrams from one port, that stays for the whole run and is always in use. */
async function hold(target, pauseMs) {
  const line = target.protocol === 'UDP' ? await heldDatagrams(target) : await heldConnection(target)
  void repeat(pauseMs, () => {
    tally.talks++
    return outcome(target, 'established', {}, (settle) => {
      line.settle = settle
      if (line.broken === undefined) line.send()
      else settle(line.broken)
    })
  })
}

async function heldConnection({ address, port }) {
  const socket = connect({ port, host: address, noDelay: true })
  const line = { send: () => socket.write('?'), settle: () => {}, broken: undefined }
  const end = (why) => {
    line.broken ??= why
    line.settle(line.broken)
  }
  socket.on('data', () => line.settle())
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  socket.on('error', (error) => end(error.code))
  socket.on('close', () => end('closed'))
  return line
}

async function heldDatagrams({ address, port }) {
  const socket = createSocket('udp4')
  const line = { send: () => socket.send('?'), settle: () => {}, broken: undefined }
  socket.on('message', () => line.settle())
  socket.on('error', (error) => line.settle(error.code))
  await new Promise((resolve) => socket.connect(port, address, resolve))
  return line
}

/** Resolves when `start` settles, or after all patience; a reason is a failure. */
function outcome(target, what, state, start) {
  const began = Date.now()
  return new Promise((resolve) => {
    const settle = (reason) => {
      clearTimeout(timer)
      const ms = Date.now() - began
      tally.slowestMs = Math.max(tally.slowestMs, ms)
      if (reason !== undefined && !settled)
        fail({ what, target: target.name, reason, at: began, ms, ...state })
      settled = true
      resolve()
    }
    let settled = false
    const timer = setTimeout(() => settle('no answer'), PATIENCE_MS)
    start(settle)
  })
}

function fail(failure) {
  tally.failed++
  if (tally.failures.length < MAX_FAILURES) tally.failures.push(failure)
}

process.on('message', async ({ id, action, ...rest }) => {
  try {
    process.send({ id, result: (await actions[action](rest)) ?? null })
  } catch (error) {
    process.send({ id, error: error.message })
  }
})
process.on('disconnect', () => process.exit(0))
process.send({ id: 0, result: null })
