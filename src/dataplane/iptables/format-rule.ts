import type { Protocol } from '../../model/service.ts'
import { type Cidr, formatCidr, type IpAddress, type IpFamily } from '../../util/address.ts'
import type { Match, Rule } from './rule.ts'

/** The rule as `iptables-nft-save` 1.8.9 prints it, from behind `-A CHAIN` on. */
export function formatRule(rule: Rule, family: IpFamily): string {
  const words: string[] = []
  if (rule.source !== undefined) words.push(rule.notSource ? '! -s' : '-s', formatCidr(rule.source))
  if (rule.destination !== undefined)
    words.push(rule.notDestination ? '! -d' : '-d', formatCidr(rule.destination))
  if (rule.input !== undefined) {
    const { name, isPrefix } = rule.input
    words.push(rule.notInput ? '! -i' : '-i', isPrefix ? `${name}+` : name)
  }
  if (rule.protocol !== undefined) words.push('-p', protocolWord(rule.protocol))
  for (const match of rule.matches) words.push(formatMatch(match, rule.protocol, family))
  const target = formatTarget(rule, family)
  if (target !== '') words.push(target)
  return words.join(' ')
}

/** An address as a rule matches it: the CIDR of it alone. */
export const onlyAddress = (address: IpAddress, family: IpFamily): Cidr => ({
  family,
  address,
  prefix: family === 'IPv4' ? 32 : 128,
})

export const protocolWord = (protocol: Protocol): 'tcp' | 'udp' | 'sctp' =>
  protocol === 'TCP' ? 'tcp' : protocol === 'UDP' ? 'udp' : 'sctp'

/** `10.0.0.1:80` or `[fd00::1]:80` */
export const formatDestination = (address: IpAddress, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

/** What xt_statistic compares a random number of 31 bits with, for a chance of one in `among`. */
export const statisticThreshold = (among: number): number =>
  // kube-proxy writes the chance with ten decimals, iptables rounds it to a multiple of 2^-31.
  Math.round(Number((1 / among).toFixed(10)) * 0x80000000)

function formatMatch(match: Match, protocol: Protocol | undefined, family: IpFamily): string {
  switch (match.match) {
    case 'comment':
      return `-m comment --comment ${quote(match.text)}`
    case 'dport':
      return `-m ${protocolWord(protocol ?? 'TCP')} --dport ${match.port}`
    case 'protocol':
      return `-m ${protocolWord(protocol ?? 'TCP')}`
    case 'addrtype':
      return `-m addrtype --${match.local}-type LOCAL`
    case 'statistic': {
      const probability = (statisticThreshold(match.among) / 0x80000000).toFixed(11)
      return `-m statistic --mode random --probability ${probability}`
    }
    case 'recent': {
      const check = 'remember' in match ? '--set' : `--rcheck --seconds ${match.withinSeconds} --reap`
      const mask = family === 'IPv4' ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
      return `-m recent ${check} --name ${match.list} --mask ${mask} --rsource`
    }
    case 'conntrack':
      return `-m conntrack ${match.not ? '! ' : ''}--ctstate ${match.states.join(',')}`
    case 'mark':
      return `-m mark ${match.set ? '' : '! '}--mark ${hex(match.bits)}/${hex(match.bits)}`
  }
}

function formatTarget({ target, protocol }: Rule, family: IpFamily): string {
  switch (target.target) {
    case 'jump':
      return `-j ${target.chain}`
    case 'ACCEPT':
    case 'DROP':
    case 'RETURN':
      return `-j ${target.target}`
    case 'REJECT':
      return `-j REJECT --reject-with ${rejectWord(protocol, family)}`
    case 'MASQUERADE':
      return '-j MASQUERADE --random-fully'
    case 'MARK':
      return `-j MARK --set-xmark ${hex(target.value)}/${hex(target.mask)}`
    case 'DNAT':
      return `-j DNAT --to-destination ${formatDestination(target.address, target.port)}`
    case 'none':
      return ''
  }
}

/**
 * kube-proxy has port unreachable for TCP too. Clients of the same machine, this node and its pods, get that while
 * their connect() still holds the socket, and the kernel then leaves it (tcp_ipv4.c: LockDroppedIcmps) until the SYN is
 * sent again, a second later; a reset ends the connection at once whoever holds it.
 */
function rejectWord(protocol: Protocol | undefined, family: IpFamily): string {
  if (protocol === 'TCP') return 'tcp-reset'
  return family === 'IPv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable'
}

/** As xtables_save_string of libxtables has it. */
const quote = (text: string): string =>
  /^[-_a-zA-Z0-9]+$/.test(text) ? text : `"${text.replaceAll(/["'\\]/g, '\\$&')}"`

const hex = (value: number): string => `0x${value.toString(16)}`
