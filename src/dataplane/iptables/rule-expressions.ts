import { endianness } from 'node:os'
import type { Protocol } from '../../model/service.ts'
import type { Expression } from '../../native/nft-expressions.ts'
import { addressLength, type Cidr, type IpFamily, packAddress } from '../../util/address.ts'
import type { PodInterface } from '../family-config.ts'
import { protocolWord } from './format-rule.ts'
import type { Match, Rule } from './rule.ts'
import {
  addrtypeInfo,
  commentInfo,
  conntrackInfo,
  dnatInfo,
  markInfo,
  masqueradeInfo,
  recentInfo,
  rejectInfo,
  sctpInfo,
  statisticInfo,
  tcpUdpInfo,
} from './xt-structs.ts'

const REGISTER = 1
const LITTLE_ENDIAN = endianness() === 'LE'

/** IANA protocol numbers. */
const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 }

export const protocolNumber = (protocol: Protocol): number => PROTOCOL_NUMBERS[protocol]

/**
 * The expressions that iptables-nft 1.8.9 makes of the rule: nf_tables' own for addresses, protocols, TCP and UDP
 * ports, marks and verdicts, xtables' extensions for the rest. Only rules of this shape are listed back by it.
 */
export function ruleExpressions(rule: Rule, family: IpFamily): Expression[] {
  const expressions: Expression[] = []
  if (rule.input !== undefined) matchInput(expressions, rule.input, rule.notInput === true)
  if (rule.protocol !== undefined)
    expressions.push({ expr: 'meta', key: 'l4proto', dreg: REGISTER }, equal(PROTOCOL_BYTES[rule.protocol]))
  if (rule.source !== undefined) matchAddress(expressions, 'src', rule.source, rule.notSource === true)
  if (rule.destination !== undefined)
    matchAddress(expressions, 'dst', rule.destination, rule.notDestination === true)
  for (const match of rule.matches) addMatch(expressions, match, rule.protocol, family)
  expressions.push(COUNTER)
  const target = targetExpression(rule, family)
  if (target !== undefined) expressions.push(target)
  return expressions
}

const COUNTER: Expression = { expr: 'counter' }

const PROTOCOL_BYTES: Readonly<Record<Protocol, Uint8Array>> = {
  TCP: Uint8Array.of(PROTOCOL_NUMBERS.TCP),
  UDP: Uint8Array.of(PROTOCOL_NUMBERS.UDP),
  SCTP: Uint8Array.of(PROTOCOL_NUMBERS.SCTP),
}

const equal = (data: Uint8Array): Expression => ({ expr: 'cmp', sreg: REGISTER, op: 'eq', data })

/** A whole name is compared with the zero behind it. */
function matchInput(into: Expression[], { name, isPrefix }: PodInterface, inverted: boolean): void {
  into.push({ expr: 'meta', key: 'iifname', dreg: REGISTER })
  const data = Uint8Array.from(Buffer.from(isPrefix ? name : `${name}\0`))
  into.push({ expr: 'cmp', sreg: REGISTER, op: inverted ? 'neq' : 'eq', data })
}

/** Just the bytes of a prefix that ends on one, else all of the address under a mask. */
function matchAddress(
  into: Expression[],
  field: 'src' | 'dst',
  { family, address, prefix }: Cidr,
  inverted: boolean,
): void {
  const full = addressLength(family)
  const first = family === 'IPv4' ? 12 : 8
  const offset = field === 'src' ? first : first + full
  const bytes = new Uint8Array(full)
  packAddress(address, bytes, 0)
  const isWhole = prefix > 0 && prefix % 8 === 0
  const length = isWhole ? prefix / 8 : full
  into.push({ expr: 'payload', dreg: REGISTER, base: 'network', offset, length })
  if (!isWhole) into.push(maskBits(prefixMask(full, prefix)))
  into.push({ expr: 'cmp', sreg: REGISTER, op: inverted ? 'neq' : 'eq', data: bytes.subarray(0, length) })
}

const maskBits = (mask: Uint8Array): Expression => ({
  expr: 'bitwise',
  sreg: REGISTER,
  dreg: REGISTER,
  op: 'mask-xor',
  length: mask.length,
  mask,
  xor: new Uint8Array(mask.length),
})

const prefixMask = (length: number, prefix: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => 0xff00 >> Math.max(0, Math.min(8, prefix - i * 8)))

function addMatch(into: Expression[], match: Match, protocol: Protocol | undefined, family: IpFamily): void {
  switch (match.match) {
    case 'comment':
      into.push(commentExpression(match.text))
      return
    case 'dport':
      if (protocol === 'SCTP') into.push(extension('sctp', 0, sctpInfo(match.port)))
      else into.push(LOAD_DPORT, equal(Uint8Array.of(match.port >> 8, match.port & 0xff)))
      return
    case 'protocol':
      into.push(protocol === undefined ? ANY_PORTS.TCP : ANY_PORTS[protocol])
      return
    case 'addrtype':
      into.push(extension('addrtype', 1, addrtypeInfo(match.local)))
      return
    case 'statistic':
      into.push(extension('statistic', 0, statisticInfo(match.among)))
      return
    case 'recent': {
      const withinSeconds = 'remember' in match ? undefined : match.withinSeconds
      into.push(extension('recent', 1, recentInfo(match.list, withinSeconds, family)))
      return
    }
    case 'conntrack':
      into.push(extension('conntrack', 3, conntrackInfo(match.states, match.not === true)))
      return
    case 'mark': {
      const bits = hostNumber(match.bits)
      into.push({ expr: 'meta', key: 'mark', dreg: REGISTER }, maskBits(bits))
      into.push({ expr: 'cmp', sreg: REGISTER, op: match.set ? 'eq' : 'neq', data: bits })
    }
  }
}

/** Rules that follow each other often say the same: the last one is kept. */
function commentExpression(text: string): Expression {
  if (text !== lastComment.text)
    lastComment = { text, expression: extension('comment', 0, commentInfo(text)) }
  return lastComment.expression
}

const extension = (name: string, revision: number, info: Uint8Array): Expression => ({
  expr: 'match',
  name,
  revision,
  info,
})

let lastComment = { text: '', expression: extension('comment', 0, commentInfo('')) }

const LOAD_DPORT: Expression = { expr: 'payload', dreg: REGISTER, base: 'transport', offset: 2, length: 2 }

const ANY_PORTS: Readonly<Record<Protocol, Expression>> = {
  TCP: extension(protocolWord('TCP'), 0, tcpUdpInfo()),
  UDP: extension(protocolWord('UDP'), 0, tcpUdpInfo()),
  SCTP: extension(protocolWord('SCTP'), 0, sctpInfo()),
}

function targetExpression({ target, protocol }: Rule, family: IpFamily): Expression | undefined {
  switch (target.target) {
    case 'jump':
      return { expr: 'immediate', dreg: 0, data: { kind: 'jump', chain: target.chain } }
    case 'ACCEPT':
      return { expr: 'immediate', dreg: 0, data: 'accept' }
    case 'DROP':
      return { expr: 'immediate', dreg: 0, data: 'drop' }
    case 'RETURN':
      return { expr: 'immediate', dreg: 0, data: 'return' }
    case 'REJECT':
      return { expr: 'target', name: 'REJECT', revision: 0, info: rejectInfo(protocol, family) }
    case 'MASQUERADE':
      return { expr: 'target', name: 'MASQUERADE', revision: 0, info: masqueradeInfo(family) }
    case 'MARK':
      return { expr: 'target', name: 'MARK', revision: 2, info: markInfo(target.value, target.mask) }
    case 'DNAT':
      return { expr: 'target', name: 'DNAT', revision: 2, info: dnatInfo(target.address, target.port) }
    case 'none':
      return undefined
  }
}

/** Marks are compared as the host's own u32. */
function hostNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, LITTLE_ENDIAN)
  return bytes
}
