import { describe, expect, it } from 'vitest'
import { DesiredCompiler } from '../../../../src/dataplane/desired/compiler.ts'
import { DEFAULT_MASQUERADE_MARK, type FamilyConfig } from '../../../../src/dataplane/family-config.ts'
import { formatPlan } from '../../../../src/dataplane/iptables/format-plan.ts'
import { portChainName } from '../../../../src/dataplane/iptables/names.ts'
import { PlanBuilder } from '../../../../src/dataplane/iptables/plan-builder.ts'
import { TableState } from '../../../../src/dataplane/iptables/table-state.ts'
import type { Change } from '../../../../src/model/change.ts'
import type { Service } from '../../../../src/model/service.ts'
import type { IpFamily } from '../../../../src/util/address.ts'
import { Pacer } from '../../../../src/util/pacer.ts'
import {
  address,
  cidr,
  goneChange,
  port,
  service,
  serviceChange,
  slice,
  sliceChange,
  sliceEndpoint,
} from '../../../support/services.ts'

/** Chains of `default/web`, whose endpoints are at 10.H.0.N, by names without a hash. */
const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ...(['SVC', 'SVL', 'EXT', 'FW'] as const).map(
    (kind) => [portChainName(kind, 'default/web', 'tcp'), kind] as const,
  ),
  ...['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.2.0.2', '[fd00:1::1]'].map(
    (at) => [portChainName('SEP', 'default/web', 'tcp', `${at}:8080`), `SEP-${at}`] as const,
  ),
])
const shorten = (line: string): string =>
  line.replace(/KUBE-[A-Z]+-[A-Z2-7]{16}/g, (name) => SHORT_NAMES.get(name) ?? name)

/** Model changes in, the commands of the plan out, each plan committed before the next. */
class Planner {
  readonly #config: FamilyConfig
  readonly #compiler: DesiredCompiler
  readonly #state = new TableState()
  #handle = 0

  constructor(fields: Partial<FamilyConfig> = {}) {
    const family: IpFamily = fields.family ?? 'IPv4'
    this.#config = {
      family,
      serviceCidrs: [],
      podCidrs: [],
      nodeAddresses: [address(family === 'IPv4' ? '172.20.0.1' : 'fd00:20::1')],
      masqueradePodEgress: false,
      masqueradeMark: DEFAULT_MASQUERADE_MARK,
      masqueradeAll: false,
      ...fields,
    }
    this.#compiler = new DesiredCompiler({ families: [family], nodeName: 'here' })
  }

  async plan(...changes: readonly Change[]): Promise<string[]> {
    for (const change of changes) this.#compiler.apply(change)
    const builder = new PlanBuilder(this.#config, this.#state)
    for (const { key, frontend } of this.#compiler.compile()) builder.add(key, frontend)
    const { plan, adopt } = await builder.finish(new Pacer())
    adopt(plan.insertedRules.map(() => ++this.#handle))
    return formatPlan(plan).map(shorten)
  }
}

const web = service('web', '10.96.0.1')
const endpoints = (...hosts: readonly number[]): Change =>
  sliceChange(
    slice(
      'web',
      hosts.map((host) => `10.1.0.${host}`),
      { family: 'IPv4' },
    ),
  )

/** Every way in but a load balancer, over an endpoint here and one on another node. */
const exposed = (fields: Partial<Service> = {}): Change =>
  serviceChange(
    service('web', '10.96.0.1', { type: 'LoadBalancer', ports: [port({ nodePort: 30080 })], ...fields }),
  )
const hereAndThere = sliceChange(
  slice('web', ['10.1.0.1', sliceEndpoint('10.2.0.2', { nodeName: 'there' })], { family: 'IPv4' }),
)
const podCidrs = [cidr('10.1.0.0/16')]

describe('iptables plan', () => {
  it('makes chains before what jumps to them, and catches the cluster IP last', async () => {
    expect(await new Planner().plan(serviceChange(web), endpoints(1))).toEqual([
      '-t nat -N SVC',
      '-t nat -N SEP-10.1.0.1',
      '-t nat -A SVC -m comment --comment "default/web -> 10.1.0.1:8080" -j SEP-10.1.0.1',
      '-t nat -A SEP-10.1.0.1 -s 10.1.0.1/32 -m comment --comment "default/web" -j KUBE-MARK-MASQ',
      '-t nat -A SEP-10.1.0.1 -p tcp -m comment --comment "default/web" -m tcp -j DNAT --to-destination 10.1.0.1:8080',
      '-t nat -I KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j SVC',
    ])
  })

  it('replaces an endpoint in the chain that chooses and leaves the others alone', async () => {
    const planner = new Planner()
    await planner.plan(serviceChange(web), endpoints(1, 2))
    expect(await planner.plan(endpoints(2, 3))).toEqual([
      '-t nat -F SVC',
      '-t nat -F SEP-10.1.0.1',
      '-t nat -N SEP-10.1.0.3',
      '-t nat -A SVC -m comment --comment "default/web -> 10.1.0.2:8080" -m statistic --mode random --probability 0.50000000000 -j SEP-10.1.0.2',
      '-t nat -A SVC -m comment --comment "default/web -> 10.1.0.3:8080" -j SEP-10.1.0.3',
      '-t nat -A SEP-10.1.0.3 -s 10.1.0.3/32 -m comment --comment "default/web" -j KUBE-MARK-MASQ',
      '-t nat -A SEP-10.1.0.3 -p tcp -m comment --comment "default/web" -m tcp -j DNAT --to-destination 10.1.0.3:8080',
      '-t nat -X SEP-10.1.0.1',
    ])
  })

  it('gives each of many endpoints the same chance', async () => {
    const planner = new Planner()
    const plan = await planner.plan(serviceChange(web), endpoints(1, 2, 3))
    const chances = plan.flatMap((line) => /-A SVC .*probability (\S+)/.exec(line)?.[1] ?? [])
    expect(chances).toEqual(['0.33333333349', '0.50000000000'])
  })

  it('moves a Service without endpoints from the nat table to a refusal, and takes that back', async () => {
    const planner = new Planner()
    await planner.plan(serviceChange(web), endpoints(1))
    expect(await planner.plan(endpoints())).toEqual([
      '-t nat -D KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j SVC',
      '-t nat -F SVC',
      '-t nat -F SEP-10.1.0.1',
      '-t filter -I KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/web has no endpoints" -m tcp --dport 80 -j REJECT --reject-with tcp-reset',
      '-t nat -X SVC',
      '-t nat -X SEP-10.1.0.1',
    ])
    expect(await planner.plan(goneChange(serviceChange(web)))).toEqual([
      '-t filter -D KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/web has no endpoints" -m tcp --dport 80 -j REJECT --reject-with tcp-reset',
    ])
    expect(await planner.plan(endpoints())).toEqual([])
  })

  it('sends pods and the node to all endpoints of a Service under external policy Local, others to local ones', async () => {
    const plan = await new Planner({ podCidrs }).plan(
      exposed({ externalTrafficPolicy: 'Local' }),
      hereAndThere,
    )
    expect(plan.filter((line) => /-A (EXT|SVL)/.test(line))).toEqual([
      '-t nat -A SVL -m comment --comment "default/web -> 10.1.0.1:8080" -j SEP-10.1.0.1',
      '-t nat -A EXT -s 10.1.0.0/16 -m comment --comment "pod traffic for default/web external destinations" -j SVC',
      '-t nat -A EXT -m comment --comment "masquerade LOCAL traffic for default/web external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
      '-t nat -A EXT -m comment --comment "route LOCAL traffic for default/web external destinations" -m addrtype --src-type LOCAL -j SVC',
      '-t nat -A EXT -j SVL',
    ])
  })

  it('drops what comes from outside when no endpoint is local, but still routes pods and the node', async () => {
    const planner = new Planner({ podCidrs })
    const there = sliceChange(
      slice('web', [sliceEndpoint('10.2.0.2', { nodeName: 'there' })], { family: 'IPv4' }),
    )
    const plan = await planner.plan(exposed({ externalTrafficPolicy: 'Local' }), there)
    expect(plan).toContain(
      '-t filter -I KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "default/web has no local endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 30080 -j DROP',
    )
    expect(plan).not.toContain('-t nat -A EXT -j SVL')
    expect(plan).toContain(
      '-t nat -A EXT -s 10.1.0.0/16 -m comment --comment "pod traffic for default/web external destinations" -j SVC',
    )
  })

  it('gives a cluster IP under internal policy Local a chain of local endpoints', async () => {
    const planner = new Planner({ podCidrs })
    await planner.plan(exposed(), hereAndThere)
    expect(await planner.plan(exposed({ internalTrafficPolicy: 'Local' }))).toEqual([
      '-t nat -D KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j SVC',
      '-t nat -F SVC',
      '-t nat -N SVL',
      '-t nat -A SVC -m comment --comment "default/web -> 10.1.0.1:8080" -m statistic --mode random --probability 0.50000000000 -j SEP-10.1.0.1',
      '-t nat -A SVC -m comment --comment "default/web -> 10.2.0.2:8080" -j SEP-10.2.0.2',
      '-t nat -A SVL ! -s 10.1.0.0/16 -d 10.96.0.1/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ',
      '-t nat -A SVL -m comment --comment "default/web -> 10.1.0.1:8080" -j SEP-10.1.0.1',
      '-t nat -I KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j SVL',
    ])
  })

  it('looks for a remembered client before it draws, and remembers where it sent one', async () => {
    const planner = new Planner()
    const plan = await planner.plan(exposed({ affinitySeconds: 10_800 }), endpoints(1))
    expect(plan.filter((line) => /-A S/.test(line))).toEqual([
      `-t nat -A SVC -m comment --comment "default/web -> 10.1.0.1:8080" -m recent --rcheck --seconds 10800 --reap --name SEP-10.1.0.1 --mask 255.255.255.255 --rsource -j SEP-10.1.0.1`,
      '-t nat -A SVC -m comment --comment "default/web -> 10.1.0.1:8080" -j SEP-10.1.0.1',
      '-t nat -A SEP-10.1.0.1 -s 10.1.0.1/32 -m comment --comment "default/web" -j KUBE-MARK-MASQ',
      '-t nat -A SEP-10.1.0.1 -p tcp -m comment --comment "default/web" -m recent --set --name SEP-10.1.0.1 --mask 255.255.255.255 --rsource -m tcp -j DNAT --to-destination 10.1.0.1:8080',
    ])
  })

  it('holds a load balancer to its source ranges, each once, and to the node where that is among them', async () => {
    const planner = new Planner()
    const ranges = ['172.16.0.0/12', '198.51.100.0/24', '172.16.0.0/12'].map(cidr)
    const balanced = exposed({ loadBalancerIPs: [address('192.0.2.2')], loadBalancerSourceRanges: ranges })
    const plan = await planner.plan(balanced, endpoints(1))
    expect(plan.filter((line) => /FW/.test(line))).toEqual([
      '-t nat -N FW',
      '-t nat -A FW -s 172.16.0.0/12 -m comment --comment "default/web loadbalancer IP" -j EXT',
      '-t nat -A FW -s 198.51.100.0/24 -m comment --comment "default/web loadbalancer IP" -j EXT',
      '-t nat -A FW -s 192.0.2.2/32 -m comment --comment "default/web loadbalancer IP" -j EXT',
      '-t nat -A FW -m comment --comment "other traffic to default/web will be dropped by KUBE-PROXY-FIREWALL"',
      '-t filter -I KUBE-PROXY-FIREWALL -d 192.0.2.2/32 -p tcp -m comment --comment "default/web traffic not accepted by FW" -m tcp --dport 80 -j DROP',
      '-t nat -I KUBE-SERVICES -d 192.0.2.2/32 -p tcp -m comment --comment "default/web loadbalancer IP" -m tcp --dport 80 -j FW',
    ])
  })

  it('tells only those inside of the source ranges that there is no endpoint', async () => {
    const ranges = [cidr('198.51.100.0/24')]
    const balanced = exposed({ loadBalancerIPs: [address('192.0.2.2')], loadBalancerSourceRanges: ranges })
    const plan = await new Planner().plan(balanced)
    // Inserted one in front of the other: the last is the first to be looked at.
    expect(plan.filter((line) => line.includes('192.0.2.2'))).toEqual([
      '-t filter -I KUBE-EXTERNAL-SERVICES -d 192.0.2.2/32 -p tcp -m comment --comment "default/web source outside of its ranges" -m tcp --dport 80 -j DROP',
      '-t filter -I KUBE-EXTERNAL-SERVICES -s 198.51.100.0/24 -d 192.0.2.2/32 -p tcp -m comment --comment "default/web has no endpoints" -m tcp --dport 80 -j REJECT --reject-with tcp-reset',
    ])
  })

  it('marks for masquerade everything, what is outside of one pod CIDR, or of several', async () => {
    const marking = async (fields: Partial<FamilyConfig>): Promise<string[]> =>
      (await new Planner(fields).plan(serviceChange(web), endpoints(1))).filter((line) =>
        /-A SVC.*KUBE-MARK/.test(line),
      )
    const rest =
      '-d 10.96.0.1/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j KUBE-MARK'
    expect(await marking({})).toEqual([])
    expect(await marking({ masqueradeAll: true, podCidrs })).toEqual([`-t nat -A SVC ${rest}-MASQ`])
    expect(await marking({ podCidrs })).toEqual([`-t nat -A SVC ! -s 10.1.0.0/16 ${rest}-MASQ`])
    expect(await marking({ podCidrs: [...podCidrs, cidr('10.3.0.0/16')] })).toEqual([
      `-t nat -A SVC ${rest}-OUTSIDE`,
    ])
  })

  it('writes IPv6 with its own masks, brackets and answers', async () => {
    const planner = new Planner({ family: 'IPv6' })
    const six = serviceChange(service('web', 'fd00:96::1', { affinitySeconds: 60 }))
    expect(await planner.plan(six)).toEqual([
      '-t filter -I KUBE-SERVICES -d fd00:96::1/128 -p tcp -m comment --comment "default/web has no endpoints" -m tcp --dport 80 -j REJECT --reject-with tcp-reset',
    ])
    const plan = await planner.plan(sliceChange(slice('web', ['fd00:1::1'])))
    expect(plan).toContain(
      '-t nat -A SEP-[fd00:1::1] -p tcp -m comment --comment "default/web" -m recent --set --name SEP-[fd00:1::1] --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource -m tcp -j DNAT --to-destination [fd00:1::1]:8080',
    )
  })

  it('touches nothing of other Services, and nothing at all when nothing changes', async () => {
    const planner = new Planner()
    await planner.plan(serviceChange(web), endpoints(1))
    const other = [serviceChange(service('other', '10.96.0.2')), sliceChange(slice('other', ['10.1.0.9']))]
    for (const line of await planner.plan(...other)) expect(line).not.toMatch(/default\/web|10\.96\.0\.1\b/)
    expect(await planner.plan(serviceChange(web), endpoints(1), ...other)).toEqual([])
  })

  it('hands a cluster IP over to another Service in one plan', async () => {
    const planner = new Planner()
    await planner.plan(serviceChange(web), endpoints(1))
    const heir = [serviceChange(service('heir', '10.96.0.1')), sliceChange(slice('heir', ['10.1.0.9']))]
    const plan = await planner.plan(goneChange(serviceChange(web)), ...heir)
    expect(
      plan.filter((line) => / -[DI] /.test(line)).map((line) => line.replace(/ -d .*comment "/, ' "')),
    ).toEqual([
      '-t nat -D KUBE-SERVICES "default/web cluster IP" -m tcp --dport 80 -j SVC',
      expect.stringMatching(/^-t nat -I KUBE-SERVICES "default\/heir cluster IP"/),
    ])
    expect(await planner.plan(goneChange(heir[0] ?? hereAndThere))).toContainEqual(
      expect.stringMatching(/^-t nat -D KUBE-SERVICES .*heir/),
    )
  })
})
