import { setTimeout as sleep } from 'node:timers/promises'
import { DataplaneError } from '../../dataplane/errors.ts'
import type { ServiceProxy } from '../../dataplane/proxy.ts'
import { type Backoff, backoffDelay } from '../../util/backoff.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { keepLittleGarbage } from '../../util/small-heap.ts'
import { complain } from '../process/complain.ts'

/**
 * Waits until everything is in force, and removes what other modes and proxies left behind only then: until that moment
 * they serve. A sync that fails is said, and tried again by the proxy itself. Resolves to false when the proxy was
 * closed before.
 */
export async function takeOver(proxy: ServiceProxy, log: Logger): Promise<boolean> {
  try {
    await proxy.synced().catch(sayUnlessClosed)
    await proxy.inForce()
    keepLittleGarbage()
  } catch (error) {
    if (isClosed(error)) return false
    throw error
  }
  return removeLeftovers(proxy, log)
}

/** Others may change the rules of the kernel at the same moment: soon again, then less and less often. */
const BACKOFF: Backoff = { firstMs: 50, maxMs: 1000 }
const ATTEMPTS = 12

async function removeLeftovers(proxy: ServiceProxy, log: Logger): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      await proxy.removeLeftovers()
      return true
    } catch (error) {
      if (attempt === ATTEMPTS) {
        log.error({ error: errorMessage(error) }, 'leftovers of other proxies could not be removed')
        return true
      }
    }
    await sleep(backoffDelay(BACKOFF, attempt))
    const closed = await proxy.synced().then(() => false, isClosed)
    if (closed) return false
  }
}

function sayUnlessClosed(error: unknown): void {
  if (isClosed(error)) throw error
  complain(errorMessage(error))
}

const isClosed = (error: unknown): boolean => error instanceof DataplaneError && error.code === 'CLOSED'
