import { setTimeout as sleep } from 'node:timers/promises'
import { CriClient } from '../../kubelet/runtime/cri-client.ts'
import { errorMessage } from '../../util/error-message.ts'
import { complain } from '../process/complain.ts'

const RETRY_MS = 1_000

/**
 * Waits until the container runtime answers: it is often started together with the node. Says once that it does not.
 * Resolves to what it calls itself, `containerd://1.6.20`; rejects with the signal's reason.
 */
export async function waitForRuntime(endpoint: string, signal: AbortSignal): Promise<string> {
  const client = new CriClient(endpoint, () => undefined)
  try {
    for (let said = false; ; ) {
      signal.throwIfAborted()
      try {
        const { runtimeName, runtimeVersion } = await client.version()
        return `${runtimeName}://${runtimeVersion}`
      } catch (error) {
        if (!said)
          complain(`the node waits for its container runtime, and is not ready: ${errorMessage(error)}`)
        said = true
      }
      await sleep(RETRY_MS, undefined, { signal })
    }
  } finally {
    client.close()
  }
}
