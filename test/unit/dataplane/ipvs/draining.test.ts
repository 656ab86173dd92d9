import { expect, it } from 'vitest'
import type { Frontend } from '../../../../src/dataplane/desired/frontend.ts'
import { DEFAULT_IPVS_OPTIONS } from '../../../../src/dataplane/desired/ipvs-options.ts'
import { drained } from '../../../../src/dataplane/ipvs/draining.ts'
import type { ProgrammedServer } from '../../../../src/dataplane/ipvs/ipvs-state.ts'
import { destName } from '../../../../src/dataplane/ipvs/virtual-servers.ts'
import type { RealServerState } from '../../../../src/native/ipvs.ts'
import { ip } from '../../../support/addresses.ts'
import { frontend, pod } from '../../../support/ipvs-frontends.ts'
import { Planner } from './planner.ts'

const LIMIT_MS = 1000
const [active, old] = [ip('10.1.0.1'), ip('10.1.0.2')]

const key = { kind: 'address', protocol: 'TCP', address: ip('10.96.0.1'), port: 80 } as const
const dest = (address: typeof active, drainingSince?: number) => {
  const weight = drainingSince === undefined ? 1 : 0
  return { address, port: 80, method: 'masq' as const, weight, drainingSince }
}
const server: ProgrammedServer = {
  settings: { key, scheduler: 'rr', flags: [], timeoutSeconds: 0 },
  dests: new Map([dest(active), dest(old, 0)].map((one) => [destName(one), one])),
}

const listed = (address: typeof active, activeConnections: number, inactiveConnections: number) =>
  ({
    address,
    port: 80,
    method: 'masq',
    weight: 0,
    upperThreshold: 0,
    lowerThreshold: 0,
    activeConnections,
    inactiveConnections,
    persistentConnections: 0,
    statistics: {
      connections: 9,
      incomingPackets: 9,
      outgoingPackets: 9,
      incomingBytes: 9,
      outgoingBytes: 9,
    },
  }) satisfies RealServerState

const addresses = (list: readonly RealServerState[], now: number): string[] =>
  drained(server, list, now, LIMIT_MS).flatMap((change) => ('dest' in change ? [change.dest.address] : []))

it.each([
  ['with an open connection it stays', [listed(active, 0, 0), listed(old, 1, 0)], 500, []],
  ['with one that is closing it stays', [listed(active, 0, 0), listed(old, 0, 1)], 500, []],
  ['without any it is deleted', [listed(active, 3, 0), listed(old, 0, 0)], 500, [old]],
  ['after the limit it is deleted', [listed(active, 0, 0), listed(old, 1, 0)], 1000, [old]],
  ['deleted by somebody else it is forgotten', [listed(active, 0, 0)], 500, [old]],
])('%s', (_, list, now, expected) => {
  expect(addresses(list, now)).toEqual(expected)
})

it('a limit of its own goes before that of all', () => {
  const patient = { ...server, drainLimitMs: 5000 }
  const busy = [listed(active, 0, 0), listed(old, 1, 0)]
  expect(drained(patient, busy, 1000, LIMIT_MS)).toEqual([])
  expect(drained(patient, busy, 5000, LIMIT_MS)).toHaveLength(1)
})

it('what a Service says of it holds for endpoints that were draining before it said so', () => {
  const planner = new Planner()
  const patient = (drainSeconds: number | undefined): Frontend =>
    frontend('10.96.0.1', 80, [pod(2)], { ipvs: { ...DEFAULT_IPVS_OPTIONS, drainSeconds } })
  planner.change(frontend('10.96.0.1', 80, [pod(1), pod(2)]))
  planner.change(patient(undefined))
  expect(planner.lines(patient(30))).toEqual([])
  const [drainingServer] = planner.state.draining()
  expect(drainingServer?.drainLimitMs).toBe(30_000)
})
