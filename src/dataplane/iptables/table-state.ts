import type { ObjectName } from '../../model/object-name.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'

/** A Service as the kernel has it. Its rules are a function of its frontends, so only the handles are kept. */
export interface ProgrammedService {
  readonly frontends: ReadonlyMap<FrontendKey, Frontend>
  /** Kernel's numbers of its rules in shared chains, in the order in which `serviceRules` names them. */
  readonly handles: readonly number[]
  readonly chains: number
  readonly rules: number
}

/**
 * What the kernel's tables hold of ours, as far as transactions that it acknowledged say: enough to write the next
 * difference without asking it.
 */
export class TableState {
  readonly services = new Map<ObjectName, ProgrammedService>()
  /** The Service that each frontend is of. */
  readonly owners = new Map<FrontendKey, ObjectName>()
  /** Chains and rules of Services. */
  chains = 0
  rules = 0

  set(name: ObjectName, service: ProgrammedService): void {
    this.delete(name)
    this.services.set(name, service)
    for (const key of service.frontends.keys()) this.owners.set(key, name)
    this.chains += service.chains
    this.rules += service.rules
  }

  delete(name: ObjectName): void {
    const service = this.services.get(name)
    if (service === undefined) return
    this.services.delete(name)
    // A frontend may have gone to another Service that was set before.
    for (const key of service.frontends.keys()) if (this.owners.get(key) === name) this.owners.delete(key)
    this.chains -= service.chains
    this.rules -= service.rules
  }
}
