import type { Backend } from '../../src/dataplane/backend.ts'
import type { Frontend } from '../../src/dataplane/desired/frontend.ts'
import type { FamilyConfig } from '../../src/dataplane/family-config.ts'
import { IptablesBackend } from '../../src/dataplane/iptables/iptables-backend.ts'
import { NftablesBackend } from '../../src/dataplane/nftables/nftables-backend.ts'
import { describeIptables } from './describe-iptables.ts'
import { describeNftables } from './describe-nftables.ts'

/** A backend that all scripts are run against. */
export interface ScriptedBackend {
  /** The key of its lines under `kernel` in a script. */
  readonly name: string
  /** Questions that it takes to meet all endpoints of a frontend, where those are not drawn at random. */
  readonly questions?: number
  open(config: FamilyConfig, netns: string): Promise<Backend>
  /** What it puts into the kernel for these frontends, a line an object. */
  describe(frontends: readonly Frontend[], config: FamilyConfig): Promise<readonly string[]>
}

/** Those that any kernel with nf_tables has. */
export const BACKENDS: readonly ScriptedBackend[] = [
  {
    name: 'nftables',
    open: (config, netns) => NftablesBackend.open(config, netns),
    describe: describeNftables,
  },
  {
    name: 'iptables',
    open: (config, netns) => IptablesBackend.open(config, netns),
    describe: describeIptables,
  },
]
