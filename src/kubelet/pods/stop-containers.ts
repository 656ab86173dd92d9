import type { Pod } from '../../model/pod.ts'
import type { Clock } from '../../util/clock.ts'
import type { CriClient } from '../runtime/cri-client.ts'
import type { ContainerRecord } from '../runtime/records.ts'
import { RuntimeError } from '../runtime/runtime-error.ts'
import { readContainer } from '../runtime/snapshot.ts'
import { runHook } from './lifecycle-hook.ts'
import type { StepOutcome } from './pod-event.ts'
import { graceLeft } from './stop-order.ts'

export interface StopRequest {
  /** Undefined for a pod that only the runtime knows: what it wanted done before its end nobody knows. */
  readonly pod: Pod | undefined
  readonly records: readonly ContainerRecord[]
  readonly graceSeconds: number
  /** Where the pod is reached; undefined: as the node itself. */
  readonly address: string | undefined
  /** Another grace period holds: whoever asked wants to ask anew. */
  readonly signal: AbortSignal
}

/**
 * Ends containers, all at once, each after what it wants done before; that counts in its grace period. Resolves with
 * them as they are then: ended, unless the signal came first.
 */
export async function stopContainers(
  client: CriClient,
  clock: Clock,
  { pod, records, graceSeconds, address, signal }: StopRequest,
): Promise<Extract<StepOutcome, { kind: 'containersChanged' }>> {
  const failedHooks: string[] = []
  const stop = async (record: ContainerRecord): Promise<void> => {
    const hook = record.state === 'running' ? preStopOf(pod, record.name) : undefined
    if (hook === undefined || graceSeconds === 0)
      return ignoreMissing(client.stopContainer(record.id, graceSeconds))
    const began = clock.now()
    const subject = { containerId: record.id, address }
    if (!(await runHook(client, hook, subject, graceSeconds * 1_000, signal))) failedHooks.push(record.name)
    if (signal.aborted) return
    const left = graceLeft(graceSeconds, began, clock.now())
    return ignoreMissing(client.stopContainer(record.id, left))
  }
  const changed = await Promise.all(
    records.map(async (record) => {
      const stopping = stop(record)
      // Called off, the call goes on at the runtime, which ends the container no later than the next one says.
      stopping.catch(() => undefined)
      await Promise.race([stopping, aborted(signal)])
      return (await readContainer(client, record)) ?? { ...record, state: 'exited' as const }
    }),
  )
  return { kind: 'containersChanged', records: changed, failedHooks: signal.aborted ? [] : failedHooks }
}

const preStopOf = (pod: Pod | undefined, name: string) =>
  [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])].find((it) => it.name === name)?.lifecycle
    .preStop

async function ignoreMissing(call: Promise<void>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== 'RUNTIME_NOT_FOUND') throw error
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
