import { describe, expect, it, vi } from 'vitest'
import { NodeDataplane, type NodeProxy } from '../../../../src/cli/node/node-dataplane.ts'
import { DataplaneError } from '../../../../src/dataplane/errors.ts'
import type { Problem } from '../../../../src/model/problem.ts'
import type { NodeFeed } from '../../../../src/sources/node-feed.ts'
import type { ServiceFollower } from '../../../../src/sources/service-feed.ts'
import { eventually } from '../../../support/eventually.ts'

class FakeProxy implements NodeProxy {
  isServing = false
  problems: readonly Problem[] = []
  lastError: Error | undefined
  readonly followers: ServiceFollower[] = []
  #serving: () => void = () => undefined

  whenServing(callback: () => void): void {
    this.#serving = callback
  }

  serve(): void {
    this.isServing = true
    this.#serving()
  }

  families() {
    return [{ family: 'IPv4', lastError: this.lastError } as const]
  }

  sourceProblems(): readonly Problem[] {
    return this.problems
  }

  followServices(follower: ServiceFollower): void {
    this.followers.push(follower)
  }
}

const NODE: NodeFeed = { followNode: () => undefined }
const noIpvs = new DataplaneError('NO_IPVS', 'the kernel has no IPVS', 'modprobe ip_vs')

async function open(attempts: (() => Promise<FakeProxy>)[], ended = new AbortController()) {
  const follow = vi.fn(async () => undefined)
  const onChange = vi.fn()
  const dataplane = await NodeDataplane.open<FakeProxy>({
    ...{ follow, onChange, signal: ended.signal, retryMs: 1 },
    open: () => (attempts.shift() ?? (() => Promise.reject(noIpvs)))(),
  })
  return { dataplane, follow, onChange, ended }
}

describe('what keeps a node from pods', () => {
  it('is that Services are not known, not programmed, or refused by the kernel, until they were in force once', async () => {
    const proxy = new FakeProxy()
    const { dataplane, onChange } = await open([async () => proxy])
    expect(dataplane.reason()).toBe('the service proxy has not programmed its Services yet')
    proxy.lastError = new Error('ENOMEM')
    expect(dataplane.reason()).toBe('the service proxy cannot program its IPv4 Services: ENOMEM')
    proxy.problems = [{ place: 'the API server', severity: 'error', reason: 'it is away', remedy: 'wait' }]
    expect(dataplane.reason()).toBe('the service proxy does not know the Services yet: it is away (wait)')
    expect(onChange).not.toHaveBeenCalled()
    proxy.serve()
    expect(dataplane.reason()).toBeUndefined()
    expect(onChange).toHaveBeenCalledOnce()
  })

  it('is a kernel that does not do, which is tried until it does', async () => {
    const complaints = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const proxy = new FakeProxy()
    const refuse = () => Promise.reject(noIpvs)
    const { dataplane, follow } = await open([refuse, refuse, refuse, async () => proxy])
    try {
      expect(dataplane.reason()).toContain('the service proxy cannot begin: the kernel has no IPVS')
      const follower = vi.fn()
      dataplane.followServices(follower)
      await dataplane.nodeRegistered(NODE)
      expect(follow).not.toHaveBeenCalled()
      await eventually(() => (follow.mock.calls.length > 0 ? true : undefined))
      expect(follow).toHaveBeenCalledExactlyOnceWith(proxy, NODE)
      expect(proxy.followers).toEqual([follower])
      expect(complaints).toHaveBeenCalledOnce()
    } finally {
      complaints.mockRestore()
    }
  })
})

it('the proxy serves once the Node is there, and not before', async () => {
  const proxy = new FakeProxy()
  const { dataplane, follow } = await open([async () => proxy])
  expect(follow).not.toHaveBeenCalled()
  await dataplane.nodeRegistered(NODE)
  expect(follow).toHaveBeenCalledExactlyOnceWith(proxy, NODE)
})

it('an end calls off the attempts', async () => {
  const complaints = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const { dataplane, ended } = await open([])
  ended.abort()
  await dataplane.close()
  complaints.mockRestore()
  expect(dataplane.reason()).toContain('cannot begin')
})

it('what is not for the kernel to say ends the node', async () => {
  await expect(open([() => Promise.reject(new Error('no such folder'))])).rejects.toThrow('no such folder')
})
