import type { Protocol } from '../../model/service.ts'
import type { IpFamily } from '../../util/address.ts'
import type { Endpoint } from '../desired/frontend.ts'
import { formatDestination, onlyAddress, protocolWord } from './format-rule.ts'
import { MARK_MASQ, portChainName } from './names.ts'
import type { Port } from './port.ts'
import { type Chain, comment, jump, type Match, type Rule } from './rule.ts'

/** Gives names of chains of the port's endpoints, each hashed once however often it is asked for. */
export function endpointChainNames(label: string, protocol: Protocol): (endpoint: Endpoint) => string {
  const names = new Map<string, string>()
  return ({ address, port }) => {
    const destination = formatDestination(address, port)
    const known = names.get(destination)
    if (known !== undefined) return known
    const name = portChainName('SEP', label, protocolWord(protocol), destination)
    names.set(destination, name)
    return name
  }
}

/** The chain that spreads connections over endpoints; remembered clients go where they went before. */
export function addPolicyChain(
  into: Chain[],
  port: Port,
  name: string,
  before: readonly Rule[],
  endpoints: readonly Endpoint[],
): void {
  const { affinitySeconds } = port.first
  const targets = endpoints.map((endpoint) => ({
    chain: port.endpointChain(endpoint),
    about: comment(`${port.label} -> ${formatDestination(endpoint.address, endpoint.port)}`),
  }))
  const remembered = targets.map(({ chain, about }): Rule => {
    const match: Match = { match: 'recent', list: chain, withinSeconds: affinitySeconds }
    return { matches: [about, match], target: jump(chain) }
  })
  const balanced = targets.map(({ chain, about }, i): Rule => {
    const left = targets.length - i
    const match: Match = { match: 'statistic', among: left }
    return { matches: left > 1 ? [about, match] : [about], target: jump(chain) }
  })
  into.push({
    table: 'nat',
    name,
    rules: [...before, ...(affinitySeconds > 0 ? remembered : []), ...balanced],
  })
}

/** One chain for each endpoint, each once: it translates, and marks what an endpoint sends to itself. */
export function addEndpointChains(
  into: Chain[],
  port: Port,
  endpoints: readonly Endpoint[],
  family: IpFamily,
): void {
  const { protocol, affinitySeconds } = port.first
  const done = new Set<string>()
  const about = comment(port.label)
  for (const endpoint of endpoints) {
    const name = port.endpointChain(endpoint)
    if (done.has(name)) continue
    done.add(name)
    const remember: readonly Match[] =
      affinitySeconds > 0 ? [{ match: 'recent', list: name, remember: true }] : []
    into.push({
      table: 'nat',
      name,
      rules: [
        { source: onlyAddress(endpoint.address, family), matches: [about], target: jump(MARK_MASQ) },
        {
          protocol,
          matches: [about, ...remember, { match: 'protocol' }],
          target: { target: 'DNAT', address: endpoint.address, port: endpoint.port },
        },
      ],
    })
  }
}
