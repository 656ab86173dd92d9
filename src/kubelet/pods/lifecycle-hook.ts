import { setTimeout as sleep } from 'node:timers/promises'
import type { LifecycleAction } from '../../model/lifecycle.ts'
import { askHttp } from '../probes/ask-http.ts'
import type { CriClient } from '../runtime/cri-client.ts'
import { isRuntimeAway } from '../runtime/runtime-error.ts'

/** The container that it is about. */
export interface HookSubject {
  readonly containerId: string
  /** Where its pod is reached; undefined: as the node itself. */
  readonly address: string | undefined
}

/**
 * Does what a container wants done at an end of its life, once; whether it worked. What does not end within `limitMs`
 * did not, and neither did what was called off: a program that runs then is ended by its container's end. Rejects when
 * the runtime is away.
 */
export async function runHook(
  client: Pick<CriClient, 'execSync'>,
  action: LifecycleAction,
  subject: HookSubject,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(limitMs)])
  try {
    return await Promise.race([perform(client, action, subject, limitMs, limited), calledOff(limited)])
  } catch (error) {
    if (isRuntimeAway(error)) throw error
    return false
  }
}

async function perform(
  client: Pick<CriClient, 'execSync'>,
  action: LifecycleAction,
  { containerId, address = '127.0.0.1' }: HookSubject,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  switch (action.kind) {
    case 'exec':
      return (await client.execSync(containerId, action.command, limitMs)).exitCode === 0
    case 'httpGet':
      // Any answer will do: it was asked, and that is all there is to it (pkg/kubelet/lifecycle/handlers.go).
      await askHttp({ ...action, host: action.host ?? address }, signal)
      return true
    case 'sleep':
      await sleep(action.seconds * 1_000, undefined, { signal })
      return true
  }
}

const calledOff = (signal: AbortSignal): Promise<false> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(false)
    else signal.addEventListener('abort', () => resolve(false), { once: true })
  })
