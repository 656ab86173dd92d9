import { describe, expect, test } from 'vitest'
import { containerResources, oomScoreAdjust, qosClass } from '../../../src/kubelet/pods/resources.ts'
import type { ResourceAmounts } from '../../../src/model/pod.ts'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'

const GIB = 2 ** 30
const amounts = (cpuMilli?: number, memoryBytes?: number): ResourceAmounts => ({ cpuMilli, memoryBytes })
const podOf = (requests: ResourceAmounts, limits: ResourceAmounts) =>
  buildPod('web', { containers: [buildContainer({ name: 'main', requests, limits })] })

describe('class of service', () => {
  test.each([
    ['BestEffort', amounts(), amounts()],
    ['Burstable', amounts(100), amounts()],
    ['Burstable', amounts(), amounts(100)],
    ['Burstable', amounts(100, GIB), amounts(200, GIB)],
    ['Guaranteed', amounts(200, GIB), amounts(200, GIB)],
    ['Guaranteed', amounts(), amounts(200, GIB)],
  ])('%s for requests %o and limits %o', (expected, requests, limits) => {
    expect(qosClass(podOf(requests, limits))).toBe(expected)
  })
})

test('the more of the memory of the node a container asked for, the less likely it is killed', () => {
  const score = (memoryBytes: number) =>
    oomScoreAdjust('Burstable', buildContainer({ name: 'main', requests: amounts(0, memoryBytes) }), 8 * GIB)
  expect([score(0), score(GIB), score(4 * GIB), score(8 * GIB)]).toEqual([999, 875, 500, 2])
})

test('CPU and memory become what the kernel counts in', () => {
  const pod = podOf(amounts(500, GIB), amounts(1_500, 2 * GIB))
  const [container] = pod.containers
  if (container === undefined) throw new Error('no container')
  expect(containerResources(pod, container, 8 * GIB)).toEqual({
    cpuPeriod: 100_000n,
    cpuQuota: 150_000n,
    cpuShares: 512n,
    memoryLimitInBytes: BigInt(2 * GIB),
    oomScoreAdj: 875n,
  })
})
