import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  status,
  type UntypedHandleCall,
} from '@grpc/grpc-js'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  type ContainerEventResponse,
  ContainerEventType,
  RuntimeServiceService,
} from '../../../src/gen/runtime.ts'
import { Kubelet } from '../../../src/kubelet/kubelet.ts'
import { CriClient } from '../../../src/kubelet/runtime/cri-client.ts'
import { RuntimeEvents } from '../../../src/kubelet/runtime/events.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { eventually } from '../../support/eventually.ts'

let folder: string
let server: Server
let client: CriClient
let observed: [string, boolean][]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-'))
  server = new Server()
  observed = []
  client = new CriClient(endpoint(), (operation, _, failed) => observed.push([operation, failed]))
})
afterEach(async () => {
  client.close()
  server.forceShutdown()
  await rm(folder, { recursive: true, force: true })
})

const endpoint = () => `unix://${folder}/cri.sock`

/** A runtime that knows these calls of the CRI and no others. */
async function serve(calls: Record<string, UntypedHandleCall>): Promise<void> {
  const definition = Object.fromEntries(
    Object.entries(RuntimeServiceService).filter(([name]) => name in calls),
  )
  server.addService(definition, calls)
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(endpoint(), ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    )
  })
}

const refusing =
  (code: status, details: string): handleUnaryCall<unknown, unknown> =>
  (_, callback) =>
    callback({ code, details })

test('a runtime that is not there is named with what to do', async () => {
  await expect(client.version()).rejects.toMatchObject({
    code: 'RUNTIME_UNAVAILABLE',
    operation: 'version',
    message: expect.stringMatching(/version at unix:.*check that the container runtime runs/),
  })
  expect(observed).toEqual([['version', true]])
})

test('a kubelet on a runtime that is not there does not open', async () => {
  const options = {
    endpoint: endpoint(),
    stateDir: folder,
    nodeName: 'n',
    nodeAddresses: [],
    registry: new Registry(),
    log: silentLogger,
  }
  await expect(Kubelet.open(options)).rejects.toMatchObject({ code: 'RUNTIME_UNAVAILABLE' })
})

test.each([
  [status.NOT_FOUND, 'RUNTIME_NOT_FOUND'],
  [status.DEADLINE_EXCEEDED, 'RUNTIME_DEADLINE'],
  [status.UNKNOWN, 'RUNTIME_REFUSED'],
])('an answer of status %i is code %s, in the words of the runtime', async (code, expected) => {
  await serve({ startContainer: refusing(code, 'no such thing') })
  await expect(client.startContainer('abc')).rejects.toMatchObject({
    code: expected,
    detail: 'no such thing',
    message: expect.stringContaining('start_container of abc'),
  })
})

test('a call that the runtime does not have is told apart', async () => {
  await serve({ version: refusing(status.UNKNOWN, '') })
  await expect(client.status()).rejects.toMatchObject({ code: 'RUNTIME_UNIMPLEMENTED' })
})

test('events come from CRI where the runtime is no containerd, and only ends are hints', async () => {
  const getContainerEvents: handleServerStreamingCall<unknown, Partial<ContainerEventResponse>> = (call) => {
    call.write({ containerEventType: ContainerEventType.CONTAINER_STARTED_EVENT, containerId: 'started' })
    call.write({ containerEventType: ContainerEventType.CONTAINER_STOPPED_EVENT, containerId: 'stopped' })
  }
  await serve({ getContainerEvents })
  const hints: (string | undefined)[] = []
  const connections: boolean[] = []
  const events = new RuntimeEvents(client, {
    hint: (id) => hints.push(id),
    connected: (connected) => connections.push(connected),
  })
  events.open()
  await eventually(() => (hints.length > 0 ? true : undefined))
  expect(hints).toEqual(['stopped'])
  expect(connections.at(-1)).toBe(true)
  events.close()
})

test('a stream on which nothing is said stands all the same, as it is not refused', async () => {
  await serve({ getContainerEvents: () => undefined })
  const connections: boolean[] = []
  const events = new RuntimeEvents(client, { hint: () => undefined, connected: (it) => connections.push(it) })
  events.open()
  await eventually(() => (connections.includes(true) ? true : undefined))
  events.close()
})

test('a runtime without any events is asked for them once of each kind', async () => {
  await serve({ version: refusing(status.UNKNOWN, '') })
  const connections: boolean[] = []
  const events = new RuntimeEvents(client, { hint: () => undefined, connected: (it) => connections.push(it) })
  events.open()
  await eventually(() => (connections.length === 2 ? true : undefined))
  events.open()
  expect(connections).toEqual([false, false])
})
