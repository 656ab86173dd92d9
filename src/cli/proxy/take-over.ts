import { DataplaneError } from '../../dataplane/errors.ts'
import type { ServiceProxy } from '../../dataplane/proxy.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { complain } from './complain.ts'

/**
 * Waits until everything is in force, and removes what other modes and proxies left behind only then: until that moment
 * they serve. A sync that fails is said, and tried again by the proxy itself. Resolves to false when the proxy was
 * closed before.
 */
export async function takeOver(proxy: ServiceProxy, log: Logger): Promise<boolean> {
  try {
    await proxy.synced().catch(sayUnlessClosed)
    await proxy.inForce()
  } catch (error) {
    if (isClosed(error)) return false
    throw error
  }
  try {
    await proxy.removeLeftovers()
  } catch (error) {
    log.error({ error: errorMessage(error) }, 'leftovers of other proxies could not be removed')
  }
  return true
}

function sayUnlessClosed(error: unknown): void {
  if (isClosed(error)) throw error
  complain(errorMessage(error))
}

const isClosed = (error: unknown): boolean => error instanceof DataplaneError && error.code === 'CLOSED'
