/**
 * Runs inside the namespace of a measured proxy: is the endpoint of the marks, connects to them as a client of the node,
 * and changes them. What it tells are times of one clock.
 */
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { kubeconfigAccess } from '../../src/kube/access/kubeconfig.ts'
import { KubeClient } from '../../src/kube/client.ts'
import {
  FIRST_MARK,
  LAST_MARK,
  MARK_ENDPOINT_PORT,
  MARK_ENDPOINTS,
  MARK_PORT,
  MARK_WATCH,
  type Mark,
  type MarkEndpoint,
  setMark,
} from './objects.ts'
import { type ChangeTimes, now, type ObserverInput, type ObserverRequest } from './observer.ts'

const { kubeconfig } = JSON.parse(process.argv[2] ?? '') as ObserverInput

/** Each says which it is. */
for (const address of MARK_ENDPOINTS) {
  const server = createServer((socket) => socket.on('error', () => undefined).end(address))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(MARK_ENDPOINT_PORT, address, resolve)
  })
}
const access = await kubeconfigAccess({ file: kubeconfig })
const client = new KubeClient({ access, userAgent: 'hawser-bench', qps: 0, burst: 0 })

/** When the last event of the mark's slice arrived here. */
let lastEvent = 0
let onEvent: () => void = () => undefined

async function watch(): Promise<void> {
  const response = await client.stream(MARK_WATCH)
  response.on('data', () => {
    lastEvent = now()
    onEvent()
  })
  response.on('error', () => undefined)
}

/** Looks are this far apart for as long as most proxies need, and further apart afterwards: looking costs processor time. */
const CLOSE_MS = 0.2
const CLOSE_FOR_MS = 20
const FAR_MS = 5
/** A connection on loopback that has not been answered by now has been dropped. */
const GIVEN_UP_MS = 50

/** Connects to a mark again and again until an endpoint answers; the time when it did. */
function whenAnswered(mark: Mark, endpoint: MarkEndpoint): Promise<number> {
  return new Promise((resolve) => {
    const began = now()
    let done = false
    const look = (): void => {
      if (done) return
      const socket = connect(MARK_PORT, mark.clusterIP)
      const giveUp = setTimeout(() => socket.destroy(), GIVEN_UP_MS)
      socket.once('data', (data) => {
        if (data.toString() === endpoint) done = true
        if (done) resolve(now())
        socket.destroy()
      })
      socket.on('error', () => undefined)
      socket.once('close', () => clearTimeout(giveUp))
      void again()
    }
    const again = async (): Promise<void> => {
      const from = now()
      if (from - began > CLOSE_FOR_MS) await sleep(FAR_MS)
      else while (now() - from < CLOSE_MS) await new Promise((next) => setImmediate(next))
      look()
    }
    look()
  })
}

async function change(endpoint: MarkEndpoint): Promise<ChangeTimes> {
  const asked = now()
  const event = new Promise<void>((resolve) => {
    onEvent = resolve
  })
  const patched = setMark(client, endpoint)
  await event
  const seen = lastEvent
  const inForce = await whenAnswered(LAST_MARK, endpoint)
  await patched
  return { fromEvent: inForce - seen, fromRequest: inForce - asked }
}

const actions: { [Action in ObserverRequest['action']]: (request: ObserverRequest) => Promise<unknown> } = {
  async inSync() {
    await whenAnswered(FIRST_MARK, MARK_ENDPOINTS[0])
    return whenAnswered(LAST_MARK, MARK_ENDPOINTS[0])
  },
  async changes({ count = 0, pauseMs = 0 }) {
    const times: ChangeTimes[] = []
    for (let i = 0; i < count; i++) {
      await sleep(pauseMs)
      times.push(await change(MARK_ENDPOINTS[i % 2 === 0 ? 1 : 0]))
    }
    return times
  },
}

await watch()
process.on('message', async (request: ObserverRequest) => {
  process.send?.(await actions[request.action](request))
})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
