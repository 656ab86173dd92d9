import type { IpFamily } from '../../src/util/address.ts'
import { iptablesSave } from '../support/iptables-world.ts'
import type { Netns } from '../support/netns.ts'

const FAMILIES = ['IPv4', 'IPv6'] as const

/** Where packets enter the tables. */
const ENTRY = /^(?:filter|nat) (?:PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)$/

/** Chains whose rules exclude each other, so that their order is nobody's business. */
const UNORDERED = /KUBE-(?:SERVICES|NODEPORTS|EXTERNAL-SERVICES|PROXY-FIREWALL|SVC-.*|SVL-.*|FW-.*)$/

/**
 * How the rules of mode iptables in two namespaces differ, of kube-proxy's and of ours, rule by rule of all chains that a
 * packet can come to; but for the differences that are wanted, see docs/differences-from-kube-proxy.md.
 */
export async function compareRules(theirs: Netns, ours: Netns): Promise<string[]> {
  const compared = await Promise.all(
    FAMILIES.map(async (family) => {
      const [a, b] = await Promise.all([theirs, ours].map((netns) => reachableRules(netns, family)))
      return differences(a ?? new Map(), b ?? new Map()).map((line) => `${family} ${line}`)
    }),
  )
  return compared.flat()
}

type Chains = ReadonlyMap<string, readonly string[]>

/** Rules by table and chain, in the words that both have for them. */
async function reachableRules(netns: Netns, family: IpFamily): Promise<Chains> {
  const chains = new Map<string, string[]>()
  let table = ''
  for (const line of await iptablesSave(netns, family)) {
    if (line.startsWith('*')) table = line.slice(1)
    const [, chain, rule] = /^-A (\S+) (.*)$/.exec(line) ?? []
    if (chain === undefined || rule === undefined) continue
    const key = `${table} ${chain}`
    chains.set(key, [...(chains.get(key) ?? []), ...inCommonWords(chain, rule)])
  }
  // kube-proxy leaves chains that nobody jumps to for a later sync.
  const reached = new Set([...chains.keys()].filter((key) => ENTRY.test(key)))
  for (const key of reached)
    for (const rule of chains.get(key) ?? []) {
      const target = / -j (KUBE-\S+)$/.exec(` ${rule}`)?.[1]
      if (target !== undefined) reached.add(`${key.split(' ')[0]} ${target}`)
    }
  return new Map([...reached].map((key) => [key, inCommonOrder(key, chains.get(key) ?? [])]))
}

/** The rule as the other side would have it; nothing where one side alone has it. */
function inCommonWords(chain: string, rule: string): string[] {
  // Named counters that kube-proxy reads for its metrics.
  const text = rule.replace(/-m nfacct --nfacct-name +\S+ /, '')
  if (text === '-j KUBE-FIREWALL' || text.endsWith('-j KUBE-CLUSTER-IPS')) return []
  if (chain === 'OUTPUT' && text.endsWith('-j KUBE-EXTERNAL-SERVICES')) return []
  if (text.includes('source outside of its ranges')) return []
  if (!text.includes('endpoints')) return [text]
  return [
    text.replace(/ --reject-with \S+/, '').replace(chain === 'KUBE-EXTERNAL-SERVICES' ? /^-s \S+ / : '', ''),
  ]
}

/** Chances stand by themselves: which endpoint comes first does not matter. */
function inCommonOrder(key: string, rules: readonly string[]): string[] {
  if (!UNORDERED.test(key)) return [...rules]
  const chances = rules.flatMap((rule) => /--probability (\S+)/.exec(rule)?.[1] ?? [])
  const plain = rules.map((rule) => rule.replace(/-m statistic .*--probability \S+ /, ''))
  return [...new Set(plain)].sort().concat(chances.sort())
}

function differences(theirs: Chains, ours: Chains): string[] {
  return [...new Set([...theirs.keys(), ...ours.keys()])].sort().flatMap((key) => {
    const [a, b] = [theirs.get(key) ?? [], ours.get(key) ?? []]
    if (a.length === b.length && a.every((rule, i) => rule === b[i])) return []
    const only = (side: readonly string[], other: readonly string[], sign: string): string[] =>
      side.filter((rule) => !other.includes(rule)).map((rule) => `${key}: ${sign} ${rule}`)
    const lines = [...only(a, b, 'kube-proxy alone has'), ...only(b, a, 'hawser alone has')]
    return lines.length > 0 ? lines : [`${key}: the same rules in another order`]
  })
}
