import { describe, expect, test } from 'vitest'
import { admit, type NodeRoom } from '../../../src/kubelet/admission/admit.ts'
import { podRequests } from '../../../src/kubelet/admission/pod-requests.ts'
import type { NodeRequirement, Placement } from '../../../src/model/placement.ts'
import type { Container, ContainerPort, Pod } from '../../../src/model/pod.ts'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'
import { address } from '../../support/services.ts'

const GIB = 2 ** 30
const node: NodeRoom = {
  name: 'worker',
  labels: new Map([
    ['disk', 'ssd'],
    ['cores', '8'],
  ]),
  allocatable: { cpuMilli: 2_000, memoryBytes: 4 * GIB, storageBytes: 10 * GIB, pods: 3 },
}

const asking = (cpuMilli: number, memoryBytes = 0): Partial<Container> => ({
  requests: { cpuMilli, memoryBytes },
})
const podWith = (changes: Partial<Container>, name = 'web'): Pod =>
  buildPod(name, { containers: [buildContainer({ name: 'main', ...changes })] })
const port = (changes: Partial<ContainerPort>): Partial<Container> => ({
  ports: [{ name: '', port: 80, protocol: 'TCP', hostPort: 8080, hostIP: undefined, ...changes }],
})
const refusal = (pod: Pod, ...others: readonly Pod[]): string | undefined => {
  const refused = admit(pod, others, node)
  return refused === undefined ? undefined : `${refused.reason}: ${refused.message}`
}

describe('a pod is counted', () => {
  test('by its containers, or by the init container that needs more beside the sidecars before it', () => {
    const init = (name: string, cpuMilli: number, sidecar: boolean) =>
      buildContainer({ name, sidecar, ...asking(cpuMilli) })
    const pod = (...initContainers: readonly Container[]) => ({
      ...podWith(asking(100)),
      initContainers,
    })
    expect(podRequests(pod()).cpuMilli).toBe(100)
    expect(podRequests(pod(init('a', 300, false))).cpuMilli).toBe(300)
    expect(podRequests(pod(init('proxy', 50, true), init('a', 300, false))).cpuMilli).toBe(350)
    expect(podRequests(pod(init('a', 120, false), init('proxy', 50, true))).cpuMilli).toBe(150)
  })

  test('by its limits where it asks for nothing', () => {
    expect(podRequests(podWith({ limits: { cpuMilli: 7, memoryBytes: 8 } }))).toMatchObject({
      ...{ cpuMilli: 7, memoryBytes: 8 },
    })
  })
})

describe('a pod is refused', () => {
  test.each<{
    readonly when: string
    readonly pod: Pod
    readonly others?: readonly Pod[]
    readonly next: string
  }>([
    {
      when: 'for want of CPU',
      pod: podWith(asking(1_500)),
      others: [podWith(asking(600))],
      next: "OutOfcpu: Node didn't have enough resource: cpu, requested: 1500, used: 600, capacity: 2000",
    },
    {
      when: 'for want of memory',
      pod: podWith(asking(100, 5 * GIB)),
      next: `OutOfmemory: Node didn't have enough resource: memory, requested: ${5 * GIB}, used: 0, capacity: ${4 * GIB}`,
    },
    {
      when: 'when there are too many, even if it asks for nothing',
      pod: podWith({}),
      others: [podWith({}), podWith({}), podWith({})],
      next: "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3",
    },
    {
      when: 'when it is meant for another sort of node',
      pod: { ...podWith({}), placement: { nodeSelector: new Map([['disk', 'hdd']]), terms: undefined } },
      next: "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    },
    {
      when: 'when its port of the node is taken',
      pod: podWith(port({})),
      others: [podWith(port({ port: 81 }))],
      next: "NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    },
    {
      when: 'for the first of several reasons',
      pod: {
        ...podWith({ ...asking(3_000), ...port({}) }),
        placement: { nodeSelector: new Map([['disk', 'hdd']]), terms: undefined },
      },
      others: [podWith(port({}))],
      next: "OutOfcpu: Node didn't have enough resource: cpu, requested: 3000, used: 0, capacity: 2000",
    },
  ])('$when', ({ pod, others = [], next }) => expect(refusal(pod, ...others)).toBe(next))
})

describe('a pod is let in', () => {
  test('to the last of what there is', () => {
    expect(refusal(podWith(asking(1_400, 4 * GIB)), podWith(asking(600)))).toBeUndefined()
  })

  test('that asks for nothing, where others have all', () => {
    expect(refusal(podWith({}), podWith(asking(5_000)))).toBeUndefined()
  })

  test.each<[string, Partial<ContainerPort>, Partial<ContainerPort>]>([
    ['of another protocol', { protocol: 'UDP' }, {}],
    ['of another address', { hostIP: address('192.0.2.1') }, { hostIP: address('192.0.2.2') }],
    ['of its own', { hostPort: 8081 }, {}],
    ['of none', { hostPort: 0 }, { hostPort: 0 }],
  ])('with a port of the node %s', (_, own, its) => {
    expect(refusal(podWith(port(own)), podWith(port(its)))).toBeUndefined()
  })

  test('beside an init container that has had its port', () => {
    const other = { ...podWith({}), initContainers: [buildContainer({ name: 'first', ...port({}) })] }
    expect(refusal(podWith(port({})), other)).toBeUndefined()
    const proxy = buildContainer({ name: 'proxy', sidecar: true, ...port({}) })
    expect(refusal(podWith(port({})), { ...other, initContainers: [proxy] })).toMatch(/^NodePorts/)
  })
})

describe('a node is matched', () => {
  const requirement = (key: string, operator: NodeRequirement['operator'], ...values: string[]) => ({
    ...{ key, operator, values },
  })
  const label = (...labels: readonly NodeRequirement[]): Placement => ({
    ...{ nodeSelector: new Map(), terms: [{ labels, fields: [] }] },
  })
  const name = (value: string): Placement => ({
    nodeSelector: new Map(),
    terms: [{ labels: [], fields: [requirement('metadata.name', 'In', value)] }],
  })
  test.each<[string, Placement, boolean]>([
    ['by its label', { nodeSelector: new Map([['disk', 'ssd']]), terms: undefined }, true],
    ['by its name, as a DaemonSet does', name('worker'), true],
    ['not by the name of another', name('other'), false],
    ['In', label(requirement('disk', 'In', 'hdd', 'ssd')), true],
    ['NotIn', label(requirement('disk', 'NotIn', 'ssd')), false],
    ['NotIn of what it has not', label(requirement('zone', 'NotIn', 'a')), true],
    ['Exists', label(requirement('zone', 'Exists')), false],
    ['DoesNotExist', label(requirement('zone', 'DoesNotExist')), true],
    ['Gt', label(requirement('cores', 'Gt', '4')), true],
    ['Lt', label(requirement('cores', 'Lt', '4')), false],
    ['Gt of what is no number', label(requirement('disk', 'Gt', '4')), false],
    ['by all of a term', label(requirement('disk', 'Exists'), requirement('zone', 'Exists')), false],
    ['by no empty term', label(), false],
    [
      'by one term of several',
      { nodeSelector: new Map(), terms: [...(name('x').terms ?? []), ...(name('worker').terms ?? [])] },
      true,
    ],
  ])('%s', (_, placement, matches) => {
    expect(refusal({ ...podWith({}), placement }) === undefined).toBe(matches)
  })
})
