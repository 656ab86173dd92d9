import { describe, expect, test } from 'vitest'
import { type Container, type PodSandbox, PodSandboxState } from '../../../src/gen/runtime.ts'
import {
  isContainerInScope,
  isOursToEnd,
  isSandboxInScope,
  selectorOf,
} from '../../../src/kubelet/runtime/pod-scope.ts'
import { sandboxRecord } from '../../support/pod-records.ts'

const marked = { kind: 'marked', owner: 'abc' } as const
const node = { kind: 'node' } as const

const identity = {
  'io.kubernetes.pod.name': 'web',
  'io.kubernetes.pod.namespace': 'default',
  'io.kubernetes.pod.uid': 'uid-web',
}
const sandbox = (labels: Record<string, string>): PodSandbox => ({
  id: 'a',
  metadata: { name: 'web', namespace: 'default', uid: 'uid-web', attempt: 0 },
  state: PodSandboxState.SANDBOX_READY,
  createdAt: 0n,
  labels,
  annotations: {},
})
const container = (labels: Record<string, string>): Container => ({
  id: 'b',
  podSandboxId: 'a',
  metadata: { name: 'main', attempt: 0 },
  imageRef: '',
  state: 1,
  createdAt: 0n,
  labels,
  annotations: {},
})

test('a mark is asked of the runtime, a node takes its answer apart', () => {
  expect(selectorOf(marked)).toEqual({ 'hawser/owner': 'abc' })
  expect(selectorOf(node)).toEqual({})
})

describe("a node's pods", () => {
  test('are those that carry the labels of a kubelet', () => {
    expect(isSandboxInScope(node, sandbox({ ...identity, app: 'web' }))).toBe(true)
    expect(isContainerInScope(node, container({ 'io.kubernetes.container.name': 'main' }))).toBe(true)
  })

  test.each([
    ['without labels, as crictl runs them', {}],
    ['with labels of a pod that it is not', { ...identity, 'io.kubernetes.pod.uid': 'uid-other' }],
    ['of a standalone Hawser', { ...identity, 'hawser/owner': 'abc' }],
  ])('are none %s', (_, labels) => {
    expect(isSandboxInScope(node, sandbox(labels))).toBe(false)
  })

  test('have no containers that somebody else put into them', () => {
    expect(isContainerInScope(node, container({}))).toBe(false)
  })
})

describe('a pod that no source wants', () => {
  const evidence = { hasFolder: true, knowsStaticPods: false }

  test('is ended where it carries our mark', () => {
    expect(isOursToEnd(marked, sandboxRecord(), { ...evidence, hasFolder: false })).toBe(true)
  })

  test("is ended on a node whose kubelet's folder knows it", () => {
    expect(isOursToEnd(node, sandboxRecord(), evidence)).toBe(true)
  })

  test('is left alone on a node where nothing is known of it', () => {
    expect(isOursToEnd(node, sandboxRecord(), { ...evidence, hasFolder: false })).toBe(false)
  })

  test('is left alone when it is a static one and nobody reads the manifests', () => {
    const fixed = sandboxRecord({ isStatic: true })
    expect(isOursToEnd(node, fixed, evidence)).toBe(false)
    expect(isOursToEnd(node, fixed, { ...evidence, knowsStaticPods: true })).toBe(true)
  })
})
