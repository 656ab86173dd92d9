import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { KubeRequest } from '../../../src/kube/client.ts'
import { KubeError } from '../../../src/kube/error.ts'
import { StatusWriter } from '../../../src/kubelet/api/status-writer.ts'
import type { PodState } from '../../../src/kubelet/pods/pod-state.ts'
import { podStatus } from '../../../src/kubelet/pods/status.ts'
import type { ObjectName } from '../../../src/model/object-name.ts'
import { type Pod, TOLD_NOTHING } from '../../../src/model/pod.ts'
import type { PodStatus } from '../../../src/model/pod-status.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { eventually } from '../../support/eventually.ts'
import { buildPod } from '../../support/pod-builder.ts'
import { containerRecord, exitedRecord, NOW, podState, sandboxRecord } from '../../support/pod-records.ts'

const web = buildPod('web')
const sandboxes = [sandboxRecord()]
const told = (state: Partial<PodState>): PodStatus => podStatus(podState(web, state), [], NOW)
const pending = told({})
const inSandbox = told({ records: { sandboxes, containers: [] } })
const running = told({ records: { sandboxes, containers: [containerRecord()] } })
const crashed = told({ records: { sandboxes, containers: [exitedRecord(1, { attempt: 1 })] } })

let requests: KubeRequest[]
let refusals: (number | undefined)[]
let pods: Map<ObjectName, Pod | 'later'>
/** The pod as the API server has it. */
let written: unknown
let writer: StatusWriter

beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  requests = []
  refusals = []
  pods = new Map([[web.name, web]])
  const json = async (request: KubeRequest): Promise<unknown> => {
    requests.push(request)
    const status = refusals.shift()
    if (status !== undefined) throw new KubeError('REFUSED', 'cannot write', 'do something', { status })
    written = { metadata: { resourceVersion: String(requests.length) }, status: Object(request.body).status }
    return written
  }
  written = undefined
  writer = new StatusWriter({
    ...{ client: { json }, hostIPs: [], runtimeName: 'containerd', log: silentLogger },
    pod: (name) => pods.get(name),
    written: () => written,
  })
})
afterEach(async () => {
  await writer.close()
  vi.useRealTimers()
})

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
const writes = (): readonly string[] =>
  requests.map(({ method, body }) => {
    const phase = (body as { readonly status?: { readonly phase: string } }).status?.phase
    return phase === undefined ? `${method}` : `${method} ${phase}`
  })

describe('the status of a pod', () => {
  it('that starts at once is one write', async () => {
    for (const status of [pending, inSandbox, running]) {
      writer.take(status)
      await pass(100)
    }
    await pass(60_000)
    expect(writes()).toEqual(['PATCH Running'])
  })

  it('that takes its time is told meanwhile', async () => {
    writer.take(pending)
    await pass(1_000)
    writer.take(inSandbox)
    await pass(100)
    expect(writes()).toEqual(['PATCH Pending'])
    await pass(3_000)
    writer.take(running)
    await pass(0)
    expect(writes()).toEqual(['PATCH Pending', 'PATCH Pending', 'PATCH Running'])
  })

  it('that does not get on, or is no longer ready, is told at once', async () => {
    writer.take(running)
    writer.take(crashed)
    await pass(0)
    const waiting = { containerStatuses: [{ state: { waiting: { reason: 'CrashLoopBackOff' } } }] }
    expect(requests.at(-1)?.body).toMatchObject({ status: waiting })
  })

  it('is told again when somebody else says otherwise, and then only', async () => {
    writer.take(running)
    await pass(0)
    expect(writes()).toEqual(['PATCH Running'])
    const { status } = written as { status: { conditions: { type: string; status: string }[] } }
    writer.compare(web.name)
    await pass(5_000)
    // Of before what was told, heard late.
    const unready = status.conditions.map((it) => (it.type === 'Ready' ? { ...it, status: 'False' } : it))
    written = { metadata: { resourceVersion: '1' }, status: { conditions: unready } }
    writer.compare(web.name)
    await pass(5_000)
    expect(writes()).toHaveLength(1)
    written = { metadata: { resourceVersion: '7' }, status: { conditions: unready } }
    writer.compare(web.name)
    await pass(5_000)
    expect(writes()).toEqual(['PATCH Running', 'PATCH Running'])
    const { conditions } = Object(requests.at(-1)?.body).status
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }))
  })

  it('is told again only when it is another', async () => {
    for (let times = 0; times < 3; times++) {
      writer.take(running)
      await pass(5_000)
    }
    expect(writes()).toEqual(['PATCH Running'])
  })

  it('that ended before this process began is left as it was told', async () => {
    pods.set(web.name, { ...web, told: { ...TOLD_NOTHING, ended: 'Failed' } })
    writer.take(crashed)
    await pass(5_000)
    expect(requests).toEqual([])
  })

  it('arrives when the server is back, the latest alone', async () => {
    // It waits by promises, which nobody can advance.
    vi.useRealTimers()
    refusals = [503, 503]
    writer.take(running)
    writer.take(crashed)
    await eventually(() => {
      if (requests.length < 3) throw new Error(`${requests.length} requests`)
      return true
    })
    expect(requests).toHaveLength(3)
    expect(requests.at(-1)?.body).toMatchObject({ status: { containerStatuses: [{ restartCount: 1 }] } })
  })

  it('that nobody knows while the runtime is away stays as it was told', async () => {
    writer.take(running)
    await pass(0)
    writer.take(told({ records: { sandboxes, containers: [containerRecord()] }, runtimeAway: true }))
    await pass(5_000)
    expect(writes()).toEqual(['PATCH Running'])
  })

  it('says which spec it is of', async () => {
    writer.take(running)
    await pass(0)
    pods.set(web.name, { ...web, generation: 2 })
    writer.take({ ...running, generation: 2 })
    await pass(3_000)
    expect(requests.map(({ body }) => (body as { status: object }).status)).toMatchObject([
      { observedGeneration: 0 },
      { observedGeneration: 2 },
    ])
  })

  it('of a pod that is to end waits for its end', async () => {
    writer.take(running)
    await pass(0)
    writer.take(
      told({ records: { sandboxes, containers: [containerRecord()] }, terminating: { graceSeconds: 9 } }),
    )
    await pass(1_000)
    expect(writes()).toEqual(['PATCH Running'])
  })

  it('of a pod that is gone is told to nobody', async () => {
    pods.clear()
    writer.take(running)
    await pass(5_000)
    expect(requests).toEqual([])
  })
})

it('a pod of which nothing is left is deleted for good, once its end is told', async () => {
  pods.set(web.name, { ...web, deletion: { graceSeconds: 1 } })
  writer.take(running)
  writer.take({ removed: web.name, uid: web.uid })
  await pass(0)
  expect(writes()).toEqual(['PATCH Running', 'DELETE'])
  expect(requests.at(-1)?.body).toMatchObject({ gracePeriodSeconds: 0, preconditions: { uid: web.uid } })
})

it('a pod that nobody could read is deleted for good once somebody wants it gone', async () => {
  pods.clear()
  written = { metadata: { uid: web.uid } }
  writer.take({ removed: web.name, uid: web.uid })
  await pass(5_000)
  expect(writes()).toEqual([])
  written = { metadata: { uid: web.uid, deletionTimestamp: '2026-01-01T00:00:00Z' } }
  writer.take({ removed: web.name, uid: web.uid })
  await pass(0)
  expect(writes()).toEqual(['DELETE'])
})

it('what becomes of the sandbox of a pod whose end is told is not', async () => {
  const ended = podStatus(
    podState({ ...web, restartPolicy: 'Never' }, { records: { sandboxes, containers: [exitedRecord(0)] } }),
    [],
    NOW,
  )
  pods.set(web.name, { ...web, deletion: { graceSeconds: 1 } })
  writer.take(ended)
  await pass(0)
  writer.take({ ...ended, podIPs: [], sandboxReady: false })
  writer.take({ removed: web.name, uid: web.uid })
  await pass(0)
  expect(writes()).toEqual(['PATCH Succeeded', 'DELETE'])
})

it('a static pod is told through its mirror, each one that there is, and that is left alone', async () => {
  pods.set(web.name, 'later')
  writer.take(running)
  await pass(5_000)
  expect(requests).toEqual([])
  for (const uid of ['mirror-1', 'mirror-2']) {
    pods.set(web.name, { ...web, uid, deletion: { graceSeconds: 0 } })
    writer.retell(web.uid)
    await pass(0)
  }
  writer.take({ removed: web.name, uid: web.uid })
  await pass(5_000)
  expect(requests.map(({ body }) => (body as { metadata: { uid: string } }).metadata.uid)).toEqual([
    ...['mirror-1', 'mirror-2'],
  ])
})
