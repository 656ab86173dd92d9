import { cidrContains, formatCidr } from '../../util/address.ts'
import type { Frontend } from '../desired/frontend.ts'
import type { Treatment } from './explanation.ts'
import type { Question } from './question.ts'
import type { ExplainWorld } from './world.ts'

const NOTHING_PASSES = { applies: false, why: 'nothing passes' } as const

/** What becomes of a connection that no frontend takes. */
export function explainStranger(question: Question, world: ExplainWorld): Treatment {
  const { address } = question
  const base = { clients: ['pod', 'node', 'outside'], endpoints: [], masquerade: NOTHING_PASSES } as const
  const others = [...world.frontends.values()].filter((frontend) => frontend.address === address)
  const isRefused = ({ kind }: Frontend): boolean => kind === 'ClusterIP' || world.ownsVips
  const [first] = others
  if (first !== undefined) {
    const known = `${address} is ${KINDS[first.kind]} of Service ${first.service}, which has ${ports(others)} there`
    return others.some(isRefused)
      ? { ...base, fate: 'rejected', why: `${known} only` }
      : {
          ...base,
          fate: 'passed',
          why: `${known} only; other ports go where routing takes them`,
          masquerade: UNTOUCHED,
        }
  }
  const range = world.serviceCidrs.find((cidr) => cidrContains(cidr, address))
  if (range !== undefined)
    return {
      ...base,
      fate: 'dropped',
      why: `no Service has ${address}, an address of the service range ${formatCidr(range)}`,
    }
  const passed = { ...base, fate: 'passed', masquerade: UNTOUCHED } as const
  if (world.nodeAddresses.includes(address))
    return {
      ...passed,
      why: `${address} is this node's, and no Service has node port ${question.port}/${question.protocol}`,
    }
  return { ...passed, why: `no Service has ${address}` }
}

const UNTOUCHED = { applies: false, why: 'Hawser does not touch it' } as const

const KINDS: Readonly<Record<Frontend['kind'], string>> = {
  ClusterIP: 'the cluster IP',
  ExternalIP: 'an external IP',
  LoadBalancer: 'a load-balancer address',
  NodePort: 'a node port',
}

function ports(frontends: readonly Frontend[]): string {
  const all = frontends.map(({ port, protocol }) => `${port}/${protocol}`)
  return `${all.length === 1 ? 'port' : 'ports'} ${all.sort().join(', ')}`
}
