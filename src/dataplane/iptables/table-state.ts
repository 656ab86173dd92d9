import type { ObjectName } from '../../model/object-name.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import { RefCounts } from '../nf-table/ref-counts.ts'
import type { ChainKey } from './chain-uses.ts'

/** A rule in a chain that Services share, as the kernel has it. */
export interface ProgrammedRule {
  readonly chain: ChainKey
  /** The kernel's number of it, which no other rule of the table ever had or will have. */
  readonly handle: number
}

/** A Service as the kernel has it. What its rules say is a function of its frontends, so that is not kept. */
export interface ProgrammedService {
  readonly frontends: ReadonlyMap<FrontendKey, Frontend>
  /** Its rules in shared chains, in the order in which `serviceRules` names them. */
  readonly shared: readonly ProgrammedRule[]
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
  /** What the rules of Services use of each chain, as the kernel counts it. */
  readonly uses = new RefCounts<ChainKey>()
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

  /** Notes that rules of a Service in shared chains, by index, have been made anew with these handles. */
  renumber(name: ObjectName, handles: ReadonlyMap<number, number>): void {
    const service = this.services.get(name)
    if (service === undefined) return
    const shared = service.shared.map((rule, i) => ({ ...rule, handle: handles.get(i) ?? rule.handle }))
    this.services.set(name, { ...service, shared })
  }
}
