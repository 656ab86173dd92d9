// Runs inside a network namespace of a test: serves and asks, as `agent.ts` tells it over the process channel.
import { createSocket } from 'node:dgram'
import { connect, createServer, isIPv6 } from 'node:net'

const connections = new Map()

/** Questions of a batch that are under way at once: most of the time of silent ones is waiting. */
const PARALLEL = 64

const actions = {
  /** A TCP and a UDP server on one port. Both answer each message with `NAME CLIENT`. */
  async serve({ port, name }) {
    const server = createServer((socket) => {
      socket.on('data', () => socket.write(`${name} ${plain(socket.remoteAddress)}\n`))
      socket.on('error', () => {})
    })
    const listening = new Promise((resolve, reject) => {
      server.once('error', reject).listen(port, '::', resolve)
    })
    const datagrams = createSocket('udp6')
    datagrams.on('message', (_, from) => {
      datagrams.send(`${name} ${plain(from.address)}\n`, from.port, from.address)
    })
    await Promise.all([listening, new Promise((resolve) => datagrams.bind(port, '::', resolve))])
  },

  ask,

  /** Each question by itself: what a client with affinity is given first holds for what it asks afterwards, not beside. */
  async askAll({ questions }) {
    const answers = questions.map(() => [])
    let next = 0
    const work = async () => {
      while (next < questions.length) {
        const index = next++
        const { times, ...question } = questions[index]
        do answers[index].push(await ask(question))
        while (answers[index].length < times && answers[index][0].kind === 'answered')
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, work))
    return answers
  },

  /** Opens a TCP connection that stays, under a name. */
  async hold({ connection, address, port }) {
    const socket = connect(port, address)
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject)
    })
    connections.set(connection, socket)
  },

  /** A message and its answer over a held connection. */
  async talk({ connection, timeoutMs }) {
    const socket = connections.get(connection)
    return answerOf(timeoutMs, (settle) => {
      socket.once('data', (data) => settle(answered(data)))
      socket.once('error', (error) => settle({ kind: 'refused', code: error.code }))
      socket.once('close', () => settle({ kind: 'refused', code: 'CLOSED' }))
      socket.write('?')
    })
  },
}

function ask({ protocol, ...where }) {
  return protocol === 'UDP' ? askUdp(where) : askTcp(where)
}

function askTcp({ address, port, timeoutMs, from }) {
  const socket = connect({ port, host: address, ...(from === undefined ? {} : { localAddress: from }) })
  return answerOf(timeoutMs, (settle) => {
    socket.once('connect', () => socket.write('?'))
    socket.once('data', (data) => settle(answered(data)))
    socket.once('error', (error) => settle({ kind: 'refused', code: error.code }))
  }).finally(() => socket.destroy())
}

function askUdp({ address, port, timeoutMs, from }) {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  return answerOf(timeoutMs, (settle) => {
    socket.once('message', (data) => settle(answered(data)))
    socket.once('error', (error) => settle({ kind: 'refused', code: error.code }))
    const send = () => socket.connect(port, address, () => socket.send('?'))
    if (from === undefined) send()
    else socket.bind(0, from, send)
  }).finally(() => socket.close())
}

const answered = (data) => {
  const [from, seenAs] = data.toString().trim().split(' ')
  return { kind: 'answered', from, seenAs }
}

function answerOf(timeoutMs, start) {
  const began = performance.now()
  return new Promise((resolve) => {
    const settle = (answer) => {
      clearTimeout(timer)
      resolve({ ...answer, ms: performance.now() - began })
    }
    const timer = setTimeout(() => settle({ kind: 'silent' }), timeoutMs)
    start(settle)
  })
}

/** A peer that has reset its connection meanwhile has no address any more. */
const plain = (address = '') => address.replace(/^::ffff:/, '')

process.on('message', async ({ id, action, ...rest }) => {
  try {
    process.send({ id, result: (await actions[action](rest)) ?? null })
  } catch (error) {
    process.send({ id, error: error.message })
  }
})
process.on('disconnect', () => process.exit(0))
process.send({ id: 0, result: null })
