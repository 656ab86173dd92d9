import { describe, expect, it } from 'vitest'
import { DesiredCompiler } from '../../../src/dataplane/desired/compiler.ts'
import { DEFAULT_MASQUERADE_MARK, type FamilyConfig } from '../../../src/dataplane/family-config.ts'
import { formatPlan } from '../../../src/dataplane/nftables/format-plan.ts'
import { PlanBuilder } from '../../../src/dataplane/nftables/plan-builder.ts'
import { TableState } from '../../../src/dataplane/nftables/table-state.ts'
import type { Change } from '../../../src/model/change.ts'
import type { IpFamily } from '../../../src/util/address.ts'
import { Pacer } from '../../../src/util/pacer.ts'
import {
  address,
  goneChange,
  port,
  service,
  serviceChange,
  slice,
  sliceChange,
  sliceEndpoint,
} from '../../support/services.ts'

/** Model changes in, the lines of the plan out, each plan committed before the next. */
class Planner {
  readonly #family: IpFamily
  readonly #config: FamilyConfig
  readonly #compiler: DesiredCompiler
  readonly #state = new TableState()

  constructor(family: IpFamily = 'IPv4') {
    this.#family = family
    this.#compiler = new DesiredCompiler({ families: [family], nodeName: 'here' })
    this.#config = {
      family,
      serviceCidrs: [],
      podCidrs: [],
      nodeAddresses: [address(family === 'IPv4' ? '172.20.0.1' : 'fd00:20::1')],
      masqueradePodEgress: false,
      masqueradeMark: DEFAULT_MASQUERADE_MARK,
      masqueradeAll: false,
    }
  }

  async plan(...changes: readonly Change[]): Promise<string[]> {
    for (const change of changes) this.#compiler.apply(change)
    const builder = new PlanBuilder(this.#config, this.#state)
    for (const { key, frontend } of this.#compiler.compile()) builder.add(key, frontend)
    const { plan, adopt } = await builder.finish(new Pacer())
    adopt()
    const table = this.#family === 'IPv4' ? ' ip hawser' : ' ip6 hawser'
    return formatPlan(plan).map((line) => line.replace(table, ''))
  }
}

const web = serviceChange(service('web', '10.96.0.1'))
/** Endpoints of `web` on another node, so that hairpin has no part in it. */
const endpoints = (...hosts: readonly number[]): Change =>
  sliceChange(
    slice(
      'web',
      hosts.map((host) => sliceEndpoint(`10.1.0.${host}`, { nodeName: 'there' })),
      { family: 'IPv4' },
    ),
  )

async function webWith(...hosts: readonly number[]): Promise<Planner> {
  const planner = new Planner()
  await planner.plan(web, endpoints(...hosts))
  return planner
}

describe('the plan for', () => {
  it('a new table', async () => {
    const lines = await new Planner().plan(web, endpoints(2, 3))
    expect(lines.filter((line) => !/[ -]([c]|lb)-[1345678]\b| x-\d/.test(line))).toEqual([
      'destroy table',
      'add table',
      'add chain lb-2',
      'add chain c-2',
      'add element classes { 4857:1 : goto reject-it }',
      'add element classes { 4857:2 : goto drop-it }',
      'add element classes { 4857:4 : goto c-2 }',
      'add element svcs { 10.96.0.1 . tcp . 80 : 4857:4 }',
      'add element eps { 10.96.0.1 . tcp . 80 . 0 : 10.1.0.2 . 8080 }',
      'add element eps { 10.96.0.1 . tcp . 80 . 1 : 10.1.0.3 . 8080 }',
      'add element cluster-ips { 10.96.0.1 }',
    ])
  })

  it('an endpoint replaced is one slot', async () => {
    expect(await (await webWith(2, 3)).plan(endpoints(2, 4))).toEqual([
      'delete element eps { 10.96.0.1 . tcp . 80 . 1 }',
      'add element eps { 10.96.0.1 . tcp . 80 . 1 : 10.1.0.4 . 8080 }',
    ])
  })

  it('an endpoint added is one slot and the class', async () => {
    expect(await (await webWith(2, 3)).plan(endpoints(2, 3, 4))).toEqual([
      'delete element svcs { 10.96.0.1 . tcp . 80 }',
      'add element svcs { 10.96.0.1 . tcp . 80 : 4857:5 }',
      'add element eps { 10.96.0.1 . tcp . 80 . 2 : 10.1.0.4 . 8080 }',
    ])
  })

  it('an endpoint removed moves the last one into its slot', async () => {
    expect(await (await webWith(2, 3, 4)).plan(endpoints(3, 4))).toEqual([
      'delete element svcs { 10.96.0.1 . tcp . 80 }',
      'add element svcs { 10.96.0.1 . tcp . 80 : 4857:4 }',
      'delete element eps { 10.96.0.1 . tcp . 80 . 0 }',
      'delete element eps { 10.96.0.1 . tcp . 80 . 2 }',
      'add element eps { 10.96.0.1 . tcp . 80 . 0 : 10.1.0.4 . 8080 }',
    ])
  })

  it('the last endpoint gone is the class that rejects', async () => {
    expect(await (await webWith(2)).plan(endpoints())).toEqual([
      'delete element svcs { 10.96.0.1 . tcp . 80 }',
      'add element svcs { 10.96.0.1 . tcp . 80 : 4857:1 }',
      'delete element eps { 10.96.0.1 . tcp . 80 . 0 }',
    ])
  })

  it('the Service gone takes everything of it', async () => {
    expect(await (await webWith(2)).plan(goneChange(web))).toEqual([
      'delete element svcs { 10.96.0.1 . tcp . 80 }',
      'delete element eps { 10.96.0.1 . tcp . 80 . 0 }',
      'delete element cluster-ips { 10.96.0.1 }',
    ])
  })

  it('nothing new is nothing', async () => {
    expect(await (await webWith(2)).plan(web, endpoints(2))).toEqual([])
  })

  it('a node port is at every node address, in a class of its own', async () => {
    const planner = await webWith(2)
    const withNodePort = service('web', '10.96.0.1', { type: 'NodePort', ports: [port({ nodePort: 30080 })] })
    expect(await planner.plan(serviceChange(withNodePort))).toEqual([
      'add element svcs { 172.20.0.1 . tcp . 30080 : 4857:b }',
      'add element eps { 172.20.0.1 . tcp . 30080 . 0 : 10.1.0.2 . 8080 }',
    ])
  })

  it('endpoints of this node has their hairpins, once an address', async () => {
    const planner = await webWith(2)
    const twoPorts = slice('web', ['10.1.0.7'], {
      ports: [
        { name: '', protocol: 'TCP', port: 8080 },
        { name: '', protocol: 'TCP', port: 9090 },
      ],
    })
    const lines = await planner.plan(sliceChange(twoPorts))
    expect(lines.filter((line) => line.includes('hairpin'))).toEqual([
      'add element hairpin { 10.1.0.7 . 10.1.0.7 }',
    ])
    expect(await planner.plan(endpoints())).toContain('delete element hairpin { 10.1.0.7 . 10.1.0.7 }')
  })

  it('a cluster IP with two ports keeps its address until both are gone', async () => {
    const planner = new Planner()
    const both = service('web', '10.96.0.1', { ports: [port(), port({ name: 'b', port: 81 })] })
    await planner.plan(serviceChange(both))
    const one = await planner.plan(serviceChange({ ...both, ports: [port()] }))
    expect(one).toEqual(['delete element svcs { 10.96.0.1 . tcp . 81 }'])
    expect(await planner.plan(goneChange(web))).toContain('delete element cluster-ips { 10.96.0.1 }')
  })

  it('IPv6 has the same form', async () => {
    const planner = new Planner('IPv6')
    await planner.plan(serviceChange(service('six', 'fd00:96::1')))
    expect(await planner.plan(sliceChange(slice('six', ['fd00:1::2'])))).toEqual([
      'delete element svcs { fd00:96::1 . tcp . 80 }',
      'add element svcs { fd00:96::1 . tcp . 80 : 4857:3 }',
      'add element eps { fd00:96::1 . tcp . 80 . 0 : fd00:1::2 . 8080 }',
      'add element hairpin { fd00:1::2 . fd00:1::2 }',
    ])
  })
})
