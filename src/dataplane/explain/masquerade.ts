import { type Cidr, formatCidr } from '../../util/address.ts'
import type { Frontend } from '../desired/frontend.ts'
import type { PodInterface } from '../family-config.ts'
import type { ClientKind, Treatment } from './explanation.ts'

/** What masquerade depends on besides the frontend. */
export interface MasqueradeRules {
  readonly podCidrs: readonly Cidr[]
  readonly podInterface?: PodInterface | undefined
  readonly masqueradeAll: boolean
}

/** Whether endpoints see this node in place of clients of this kind; a pod that reaches itself is always masqueraded. */
export function explainMasquerade(
  frontend: Frontend,
  kind: ClientKind,
  { podCidrs, podInterface, masqueradeAll }: MasqueradeRules,
): Treatment['masquerade'] {
  if (frontend.kind !== 'ClusterIP') {
    if (frontend.localEndpoints === undefined)
      return { applies: true, why: `traffic to a ${frontend.kind} under policy Cluster is` }
    if (kind === 'outside')
      return { applies: false, why: 'externalTrafficPolicy Local keeps the source of clients from outside' }
    if (kind === 'pod') return { applies: false, why: 'pods keep their source' }
    return { applies: true, why: "this node's own connections to external addresses are" }
  }
  if (masqueradeAll) return { applies: true, why: 'every connection to a cluster IP is (--masquerade-all)' }
  if (podInterface !== undefined) {
    const way = `${podInterface.name}${podInterface.isPrefix ? '*' : ''}`
    return kind === 'pod'
      ? { applies: false, why: `clients that come in by ${way} keep their source` }
      : { applies: true, why: `clients that do not come in by ${way} are` }
  }
  if (podCidrs.length === 0)
    return { applies: false, why: 'no pod CIDR is known (--cluster-cidr), so nobody is outside of it' }
  const range = podCidrs.map(formatCidr).join(' and ')
  return kind === 'pod'
    ? { applies: false, why: `clients inside of ${range} keep their source` }
    : { applies: true, why: `clients outside of ${range} are` }
}
