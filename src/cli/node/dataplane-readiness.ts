import type { FamilyStatus } from '../../dataplane/status.ts'
import type { Problem } from '../../model/problem.ts'

/** How far a proxy has come with what its source said first. */
export interface Dataplane {
  /** All of it is in force. */
  readonly isServing: boolean
  families(): readonly Pick<FamilyStatus, 'family' | 'lastError'>[]
  /** Why what the source says may be behind. */
  sourceProblems(): readonly Problem[]
}

/**
 * Why a node cannot have pods yet as far as Services go: a pod that starts now would find none. Undefined from when they
 * were all in force once; what goes wrong later is the proxy's own health check's to say, because connections that there
 * are go on then, and a node that is not ready has its pods taken out of every Service.
 */
export function dataplaneReason(dataplane: Dataplane): string | undefined {
  if (dataplane.isServing) return undefined
  const [behind] = dataplane.sourceProblems()
  if (behind !== undefined)
    return `the service proxy does not know the Services yet: ${behind.reason}${inBrackets(behind.remedy)}`
  for (const { family, lastError } of dataplane.families())
    if (lastError !== undefined)
      return `the service proxy cannot program its ${family} Services: ${lastError.message}`
  return 'the service proxy has not programmed its Services yet'
}

const inBrackets = (remedy: string | undefined): string => (remedy === undefined ? '' : ` (${remedy})`)
