import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { frontendKey } from '../../src/dataplane/desired/frontend.ts'
import { portChainName } from '../../src/dataplane/iptables/names.ts'
import { TABLES } from '../../src/dataplane/iptables/rule.ts'
import { NftablesSocket } from '../../src/native/nftables.ts'
import { IptablesProxy, iptablesConfig, iptablesSave } from '../support/iptables-world.ts'
import { Netns } from '../support/netns.ts'
import { RefusingSocket } from '../support/refusing-socket.ts'
import { address, goneChange, port, service, serviceChange, slice, sliceChange } from '../support/services.ts'

/** `default/web` over two endpoints and `default/other`, which no damage here is about. */
const WORLD = [
  serviceChange(service('web', '10.96.0.1', { type: 'NodePort', ports: [port({ nodePort: 30080 })] })),
  sliceChange(slice('web', ['10.1.0.1', '10.1.0.2'])),
  serviceChange(service('other', '10.96.0.2')),
  sliceChange(slice('other', ['10.1.0.3'])),
  serviceChange(service('empty', '10.96.0.3')),
]
const SVC = portChainName('SVC', 'default/web', 'tcp')
const [SEP_1, SEP_2] = ['10.1.0.1:8080', '10.1.0.2:8080'].map((endpoint) =>
  portChainName('SEP', 'default/web', 'tcp', endpoint),
)

/** What the damages put into entry chains is not ours to take away. */
const isOfOthers = (line: string): boolean => /^-A [A-Z]+( -j RETURN)?$/.test(line)

describe('iptables backend: repair', () => {
  let netns: Netns
  let proxy: IptablesProxy
  let socket: NftablesSocket

  beforeEach(async () => {
    netns = await Netns.create('iptables')
    proxy = await IptablesProxy.open(netns, iptablesConfig('IPv4'))
    socket = await NftablesSocket.open({ netns: netns.path })
    await proxy.rebuild(...WORLD)
  })

  afterEach(async () => {
    await socket.close()
    await proxy.backend.close()
    await netns.dispose()
  })

  const shell = (commands: string): Promise<string> => netns.exec('sh', '-ec', commands)
  const save = async (): Promise<string[]> => (await iptablesSave(netns, 'IPv4')).sort()
  /** Handles of rules that are about `default/other`. */
  const others = async (): Promise<string[]> => {
    const listing = await shell('nft -a list table ip nat; nft -a list table ip filter')
    return listing.split('\n').filter((line) => /10\.96\.0\.2|10\.1\.0\.3/.test(line))
  }

  it.each([
    ['a flushed chain', `iptables-nft -t nat -F ${SVC}`],
    ['a rule too many', `iptables-nft -t nat -I ${SVC} -j RETURN`],
    ['a rule in the place of another', `iptables-nft -t nat -R ${SEP_1} 2 -p tcp -j RETURN`],
    ['rules in another order', `iptables-nft -t nat -D ${SVC} 2; iptables-nft -t nat -A ${SVC} -j ${SEP_1}`],
    ['a missing rule of a shared chain', 'iptables-nft -t nat -D KUBE-SERVICES 1'],
    ['all rules of a shared chain missing', 'iptables-nft -t filter -F KUBE-SERVICES'],
    [
      'a rule of others in a shared chain',
      'iptables-nft -t nat -I KUBE-NODEPORTS -p tcp --dport 1 -j RETURN',
    ],
    ['a rule of others behind all in a shared chain', 'iptables-nft -t nat -A KUBE-SERVICES -j RETURN'],
    ['a constant chain with other rules', 'iptables-nft -t nat -R KUBE-MARK-MASQ 1 -j RETURN'],
    ['a flushed constant chain', 'iptables-nft -t nat -F KUBE-POSTROUTING'],
    ['a missing jump', 'iptables-nft -t filter -D FORWARD 2'],
    ['all jumps of a hook missing', 'iptables-nft -t nat -F PREROUTING'],
    [
      'chains that are gone',
      `iptables-nft -t nat -F ${SVC}; for c in ${SEP_1} ${SEP_2}; do iptables-nft -t nat -F $c; iptables-nft -t nat -X $c; done`,
    ],
    ['a chain that only looks like ours', 'iptables-nft -t nat -N KUBE-SVC-AAAAAAAAAAAAAAAA'],
    [
      'several at once',
      `iptables-nft -t nat -D KUBE-SERVICES 1; iptables-nft -t nat -F ${SEP_2}; iptables-nft -t nat -F OUTPUT`,
    ],
  ])('undoes %s with one transaction, and no more', async (_, damage) => {
    const before = { tables: await save(), others: await others() }
    await shell(damage)
    expect(await proxy.backend.audit()).not.toEqual([])
    const generation = await socket.generation()
    expect(await proxy.backend.repair()).toBe(true)
    expect(await socket.generation()).toBe(generation + 1)
    expect(await proxy.backend.audit()).toEqual([])
    expect(await save()).toEqual(before.tables)
    if (!damage.includes('KUBE-SERVICES')) expect(await others()).toEqual(before.others)
  })

  it('does not take for damage what others have', async () => {
    await shell('iptables-nft -t nat -N MINE; iptables-nft -t nat -I PREROUTING -j MINE')
    await shell('iptables-nft -t nat -A MINE -s 10.2.0.0/16 -j KUBE-MARK-MASQ')
    expect(await proxy.backend.audit()).toEqual([])
  })

  it('knows the rules that it made when they change afterwards', async () => {
    await shell('iptables-nft -t nat -F KUBE-SERVICES; iptables-nft -t nat -F KUBE-NODEPORTS')
    expect(await proxy.backend.audit()).not.toEqual([])
    expect(await proxy.backend.repair()).toBe(true)
    await proxy.update(...WORLD.slice(0, 4).map(goneChange))
    expect(await proxy.backend.audit()).toEqual([])
    expect((await save()).join('\n')).not.toMatch(/default\/(web|other)/)
  })

  it('leaves a table that is gone to a rebuild', async () => {
    await shell('nft delete table ip nat')
    expect(await proxy.backend.audit()).not.toEqual([])
    expect(await proxy.backend.repair()).toBe(false)
    await proxy.rebuild()
    expect(await proxy.backend.audit()).toEqual([])
  })

  it('leaves it to a rebuild when somebody changed more since, or holds what should go', async () => {
    await shell(`iptables-nft -t nat -F ${SVC}`)
    expect(await proxy.backend.audit()).not.toEqual([])
    await shell('iptables-nft -t nat -N MINE')
    expect(await proxy.backend.repair()).toBe(false)
    await shell('iptables-nft -t nat -N KUBE-SVC-AAAAAAAAAAAAAAAA')
    await shell('iptables-nft -t nat -A MINE -j KUBE-SVC-AAAAAAAAAAAAAAAA')
    expect(await proxy.backend.audit()).not.toEqual([])
    expect(await proxy.backend.repair()).toBe(false)
    await proxy.rebuild()
    expect(await save()).toContain('-A MINE -j KUBE-SVC-AAAAAAAAAAAAAAAA')
  })

  it('is undone whatever it was', async () => {
    const before = await save()
    const chains = before.flatMap((line) => /^:(KUBE-\S+)/.exec(line)?.[1] ?? [])
    const entries = ['INPUT', 'FORWARD', 'OUTPUT', 'PREROUTING', 'POSTROUTING']
    const damage = fc
      .record({
        table: fc.constantFrom(...TABLES),
        chain: fc.constantFrom(...chains, ...entries),
        // Those that the kernel refuses, of a chain that others jump to or that is in the other table, change nothing.
        change: fc.constantFrom('-F CHAIN', '-X CHAIN', '-D CHAIN 1', '-A CHAIN -j RETURN', '-I CHAIN 1'),
      })
      .map(({ table, chain, change }) => `iptables-nft -t ${table} ${change.replace('CHAIN', chain)}`)
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 6 }), async (damages) => {
        await shell(damages.map((command) => `${command} 2>/dev/null || true`).join('; '))
        if ((await proxy.backend.audit()).length > 0 && !(await proxy.backend.repair())) await proxy.rebuild()
        expect(await proxy.backend.audit()).toEqual([])
        expect((await save()).filter((line) => !isOfOthers(line))).toEqual(before)
      }),
      { numRuns: 40 },
    )
  })

  it('leaves the damage to a rebuild when the kernel refuses any message of the repair', async () => {
    const before = await save()
    const refusing = new RefusingSocket()
    try {
      for (let op = 0; ; op++) {
        await shell(`iptables-nft -t nat -F ${SVC}; iptables-nft -t nat -D KUBE-NODEPORTS 1`)
        expect(await proxy.backend.audit()).not.toEqual([])
        refusing.refuse({ op, code: 'ENOMEM' })
        const isMended = await proxy.backend.repair()
        if (refusing.refused() === undefined) {
          expect(isMended).toBe(true)
          expect(op).toBeGreaterThan(3)
          break
        }
        expect(isMended).toBe(false)
        await proxy.rebuild()
        expect(await save()).toEqual(before)
      }
    } finally {
      refusing.restore()
    }
    expect(await save()).toEqual(before)
  })

  it('repairs nothing when the audit found nothing', async () => {
    expect(await proxy.backend.audit()).toEqual([])
    const generation = await socket.generation()
    expect(await proxy.backend.repair()).toBe(false)
    expect(await socket.generation()).toBe(generation)
  })
})

/** More rules than one audit reads. */
const MANY = 700

describe('iptables backend: audit of many Services', () => {
  it('counts at once and reads part by part, until it has found a rule in the place of another', async () => {
    const netns = await Netns.create('iptables')
    const proxy = await IptablesProxy.open(netns, iptablesConfig('IPv4'))
    try {
      const hosts = Array.from({ length: MANY }, (_, i) => `${i >> 8}.${i & 255}`)
      await proxy.rebuild(
        ...hosts.flatMap((host, i) => [
          serviceChange(service(`s${i}`, `10.96.${host}`)),
          sliceChange(
            slice(
              `s${i}`,
              ['1', '2', '3'].map((net) => `10.${net}.${host}`),
            ),
          ),
        ]),
      )
      const chain =
        proxy.backend
          .describe(frontendKey(address('10.96.2.180'), 'TCP', 80))
          .at(-1)
          ?.split(' ')[3] ?? ''
      await netns.exec('iptables-nft', '-t', 'nat', '-R', chain, '2', '-p', 'tcp', '-j', 'RETURN')
      const found: (readonly string[])[] = []
      while (found.length < 4 && (found.at(-1)?.length ?? 0) === 0) found.push(await proxy.backend.audit())
      expect(found).toEqual([[], [`table nat: chain ${chain} has other rules`]])
      await netns.exec('iptables-nft', '-t', 'nat', '-F', chain)
      expect(await proxy.backend.audit()).toEqual([`table nat: chain ${chain} has other rules`])
    } finally {
      await proxy.backend.close()
      await netns.dispose()
    }
  })
})
