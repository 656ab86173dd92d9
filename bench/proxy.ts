import { DataplaneError } from '../src/dataplane/errors.ts'
import { ServiceProxy } from '../src/dataplane/proxy.ts'
import type { ProxyMode } from '../src/dataplane/proxy-modes.ts'
import { createRegistry, type Registry } from '../src/metrics/registry.ts'
import { silentLogger } from '../src/util/logger.ts'
import { BenchError } from './error.ts'
import { ownNode, podRange, serviceRange } from './model.ts'
import { freshNetns } from './netns.ts'
import type { Teardown } from './teardown.ts'

export interface BenchProxyOptions {
  readonly mode: ProxyMode
  readonly netns: string
  readonly registry?: Registry
  readonly auditIntervalMs?: number
}

/** A service proxy for the synthetic cluster. Rejects with a BenchError where the kernel lacks what the mode needs. */
export function openProxy({ registry, ...options }: BenchProxyOptions): Promise<ServiceProxy> {
  return asBenchError(
    ServiceProxy.open({
      ...options,
      families: ['IPv4'],
      serviceCidrs: [serviceRange],
      podCidrs: [podRange],
      nodeAddresses: [],
      nodeName: ownNode,
      masqueradePodEgress: false,
      registry: registry ?? createRegistry('bench'),
      log: silentLogger,
    }),
  )
}

/** Rejects with a BenchError, before anything is measured, where this kernel lacks what the mode needs. */
export async function requireMode(mode: ProxyMode, teardown: Teardown): Promise<void> {
  const netns = await freshNetns(teardown)
  const proxy = await openProxy({ mode, netns: netns.path })
  await proxy.close()
  await netns.remove()
}

/** What the dataplane expects to fail says itself what to do; it is no bug of the benchmark. */
export async function asBenchError<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof DataplaneError)) throw error
    throw new BenchError('BENCH_FAILED', error.message, error)
  }
}
