import { afterAll, beforeAll } from 'vitest'
import type { KubeletOptions } from '../../src/kubelet/kubelet.ts'
import type { Clock } from '../../src/util/clock.ts'
import { startTestContainerd, type TestContainerd } from './containerd.ts'
import { TestKubelet } from './test-kubelet.ts'

/** A containerd and a Kubelet on it for the tests of one file; both gone with everything of theirs afterwards. */
export function usePodMachine(
  clock?: Clock,
  options?: Partial<KubeletOptions>,
): {
  readonly machine: TestContainerd
  readonly node: TestKubelet
} {
  let machine: TestContainerd | undefined
  let node: TestKubelet | undefined
  beforeAll(async () => {
    machine = await startTestContainerd()
    node = await TestKubelet.open(machine, clock, options)
    node.kubelet.ready()
  })
  afterAll(async () => {
    try {
      await node?.kubelet.removeAll(1)
      await node?.kubelet.close()
    } finally {
      await machine?.remove()
    }
  })
  return {
    get machine() {
      if (machine === undefined) throw new Error('the containerd did not start')
      return machine
    },
    get node() {
      if (node === undefined) throw new Error('the Kubelet did not open')
      return node
    },
  }
}
