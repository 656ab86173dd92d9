import type { IpFamily } from '../util/address.ts'
import type { Logger } from '../util/logger.ts'
import type { Backend } from './backend.ts'

export interface Audit {
  /** How the kernel differed from committed state, in words; empty when it did not. */
  readonly differences: readonly string[]
  /** The kernel is as committed now; if not, a rebuild makes it so. */
  readonly isMended: boolean
}

/**
 * Compares the kernel with what a backend committed and undoes just what differs where that is enough. Rejects with a
 * NetlinkError when the kernel cannot be read.
 */
export async function auditAndMend(backend: Backend, family: IpFamily, log: Logger): Promise<Audit> {
  const differences = await backend.audit()
  if (differences.length === 0) return { differences, isMended: true }
  const isMended = (await backend.repair?.()) === true
  log.warn(
    { family, differences },
    `somebody else changed our rules: ${isMended ? 'undid just that' : 'making them anew'}`,
  )
  return { differences, isMended }
}
