import { beforeAll, describe, expect, it } from 'vitest'
import { observe } from './scenario.ts'
import type { ForwardingObservations } from './scenarios/forwarding.ts'

let seen: ForwardingObservations

beforeAll(async () => {
  seen = await observe<ForwardingObservations>('forwarding')
})

const unique = (answers: readonly string[] = []): string[] => [...new Set(answers)].sort()

describe.each([
  { family: 'IPv4', client: '192.168.1.2', ofNode: ['172.16.1.1', '172.16.2.1'] },
  { family: 'IPv6', client: 'fd01::2', ofNode: ['fd16:1::1', 'fd16:2::1'] },
])('over $family', ({ family, client, ofNode }) => {
  it.each(['dr TCP', 'dr UDP', 'tunnel TCP', 'tunnel UDP'])(
    'by %s every endpoint answers the client itself, past the node',
    (how) => {
      expect(unique(seen.direct[`${how} ${family}`])).toEqual([
        `server-1 seeing ${client}`,
        `server-2 seeing ${client}`,
      ])
    },
  )

  it.each(['nftables', 'iptables', 'ipvs'])('SCTP is balanced and masqueraded in mode %s', (mode) => {
    expect(unique(seen.sctp[`${mode} ${family}`])).toEqual([
      `server-1 seeing ${ofNode[0]}`,
      `server-2 seeing ${ofNode[1]}`,
    ])
  })
})
