import type { CommitOutcome } from '../../src/dataplane/backend.ts'
import { DesiredCompiler } from '../../src/dataplane/desired/compiler.ts'
import type { Frontend, FrontendKey } from '../../src/dataplane/desired/frontend.ts'
import { DEFAULT_MASQUERADE_MARK, type FamilyConfig } from '../../src/dataplane/family-config.ts'
import { IptablesBackend } from '../../src/dataplane/iptables/iptables-backend.ts'
import type { Change } from '../../src/model/change.ts'
import type { IpFamily } from '../../src/util/address.ts'
import type { Netns } from './netns.ts'
import { PLACES } from './service-world.ts'
import { address, cidr } from './services.ts'

/** What rules depend on, at the places of a ServiceWorld. */
export const iptablesConfig = (family: IpFamily, fields: Partial<FamilyConfig> = {}): FamilyConfig => ({
  family,
  serviceCidrs: [cidr(PLACES[family].serviceCidr)],
  podCidrs: [cidr(PLACES[family].podCidr)],
  nodeAddresses: [address(PLACES[family].node)],
  masqueradePodEgress: false,
  masqueradeMark: DEFAULT_MASQUERADE_MARK,
  masqueradeAll: false,
  ...fields,
})

/** Objects in, rules of one family in a network namespace out. */
export class IptablesProxy {
  readonly backend: IptablesBackend
  readonly #compiler: DesiredCompiler
  readonly #family: IpFamily

  private constructor(backend: IptablesBackend, family: IpFamily) {
    this.backend = backend
    this.#family = family
    this.#compiler = new DesiredCompiler({ families: [family], nodeName: 'here' })
  }

  static async open(netns: Netns, config: FamilyConfig): Promise<IptablesProxy> {
    return new IptablesProxy(await IptablesBackend.open(config, netns.path), config.family)
  }

  /** Brings the objects in with one transaction that replaces what is there. */
  async rebuild(...changes: readonly Change[]): Promise<void> {
    for (const change of changes) this.#compiler.apply(change)
    this.#compiler.compile()
    const frontends = [...this.#compiler.frontends(this.#family).values()]
    expectCommitted(await this.backend.rebuild(frontends))
  }

  /** Brings the changes in with one transaction. */
  async update(...changes: readonly Change[]): Promise<void> {
    for (const change of changes) this.#compiler.apply(change)
    const frontends = new Map<FrontendKey, Frontend | undefined>()
    for (const { key, frontend } of this.#compiler.compile()) frontends.set(key, frontend)
    expectCommitted(await this.backend.update(frontends))
  }
}

function expectCommitted(outcome: CommitOutcome): void {
  if (outcome.kind !== 'committed') throw outcome.error
}

/** Tables of ours as iptables-save prints them, without its timestamps and counters. */
export async function iptablesSave(netns: Netns, family: IpFamily): Promise<string[]> {
  const program = family === 'IPv4' ? 'iptables-nft-save' : 'ip6tables-nft-save'
  const text = await netns.exec(program)
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''))
}
