import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commentUserData } from '../../src/native/nft-userdata.ts'
import {
  elementLayout,
  NftablesSocket,
  NftTransaction,
  type SetInfo,
  type SetSpec,
  typedSet,
} from '../../src/native/nftables.ts'
import { Netns } from '../support/netns.ts'
import { exampleTransaction, RULES, SETS } from './native-nftables-example.ts'

let netns: Netns
let socket: NftablesSocket

beforeEach(async () => {
  netns = await Netns.create('nft')
  socket = await NftablesSocket.open({ netns: netns.path })
})
afterEach(async () => {
  await socket.close()
  await netns.dispose()
})

const hex = (bytes: Uint8Array = new Uint8Array(0)) => Buffer.from(bytes).toString('hex')

/** What a spec and a dumped set have in common. */
const essence = ({
  name,
  keyType,
  keyLength,
  dataType,
  dataLength,
  fieldLengths = [],
  userData,
}: SetSpec | SetInfo) => ({
  name,
  keyType,
  keyLength,
  dataType,
  dataLength: dataLength ?? 0,
  fieldLengths,
  userData: hex(userData),
})

/** Loads a ruleset with nft inside the namespace. */
async function loadWithNft(text: string): Promise<void> {
  const file = join(tmpdir(), `${netns.name}.nft`)
  try {
    await writeFile(file, text)
    await netns.exec('nft', '-f', file)
  } finally {
    await rm(file, { force: true })
  }
}

describe('nft list', () => {
  it('prints a table made by the addon, and what it printed makes the same table again', async () => {
    await socket.commit(exampleTransaction('hawser'))
    const printed = await netns.exec('nft', 'list', 'ruleset')
    await netns.exec('nft', 'flush', 'ruleset')
    await loadWithNft(printed)
    expect(await netns.exec('nft', 'list', 'ruleset')).toBe(printed)
  })

  it('prints the words of the sets, not their numbers', async () => {
    await socket.commit(exampleTransaction('hawser'))
    const printed = await netns.exec('nft', 'list', 'table', 'ip', 'hawser')
    for (const line of [
      'typeof ip daddr . meta l4proto . th dport : meta priority',
      'typeof ip daddr . meta l4proto . th dport . numgen random mod 65536 : ip daddr . th dport',
      'typeof meta priority : verdict',
      'elements = { 10.96.0.1 . tcp . 80 : 4857:3 }',
      'elements = { 203.0.113.2 . tcp . 80 . 172.20.0.0/24 }',
      'comment "pods behind themselves"',
      'dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 3 map @eps',
      'update @aff { ip daddr . meta l4proto . th dport . ip saddr timeout 3h : ct mark }',
      'ct status dnat ip saddr . ip daddr @hairpin goto masq',
    ])
      expect(printed).toContain(line)
  })

  it('prints comments of rules and chains', async () => {
    const tx = new NftTransaction('ip', 'hawser')
      .addTable()
      .addChain({ name: 'c', userData: commentUserData('why this chain') })
      .addRule('c', [{ expr: 'immediate', dreg: 0, data: 'drop' }], commentUserData('why this rule'))
    await socket.commit(tx)
    const printed = await netns.exec('nft', 'list', 'table', 'ip', 'hawser')
    expect(printed).toContain('comment "why this chain"')
    expect(printed).toContain('drop comment "why this rule"')
  })
})

describe('typeof words', () => {
  const ip6Service = ['ip6 daddr', 'meta l4proto', 'th dport'] as const
  const slot = { numgen: 'random', modulus: 65536 } as const
  const sixth: readonly SetSpec[] = [
    typedSet({ name: 'svcs', keyTypeof: ip6Service, dataTypeof: ['meta priority'], comment: 'words' }),
    typedSet({ name: 'eps', keyTypeof: [...ip6Service, slot], dataTypeof: ['ip6 daddr', 'th dport'] }),
    typedSet({ name: 'aidx', keyTypeof: [...ip6Service, slot], dataTypeof: ['ct mark'] }),
    typedSet({ name: 'lbsrc', keyTypeof: [...ip6Service, 'ip6 saddr'], flags: ['interval'] }),
    typedSet({ name: 'cluster-ips', keyTypeof: ['ip6 daddr'] }),
    typedSet({ name: 'marks', keyTypeof: ['meta mark'] }),
  ]
  const K6 = 'ip6 daddr . meta l4proto . th dport'

  it('mean the same types, widths and user data to nft and to the addon', async () => {
    await loadWithNft(`table ip6 theirs {
      map svcs { typeof ${K6} : meta priority; comment "words"; }
      map eps { typeof ${K6} . numgen random mod 65536 : ip6 daddr . th dport; }
      map aidx { typeof ${K6} . numgen random mod 65536 : ct mark; }
      set lbsrc { typeof ${K6} . ip6 saddr; flags interval; }
      set cluster-ips { typeof ip6 daddr; }
      set marks { typeof meta mark; }
    }`)
    const theirs = await socket.dumpSets('ip6', 'theirs')
    expect(theirs.map(essence)).toEqual(sixth.map(essence))
  })

  it('come back from the kernel as they went in', async () => {
    await socket.commit(exampleTransaction('hawser'))
    const sets = await socket.dumpSets('ip', 'hawser')
    expect(sets.map(essence)).toEqual(Object.values(SETS).map(essence))
  })
})

describe('dumps', () => {
  it('show the rules as the expressions that they were made of', async () => {
    await socket.commit(exampleTransaction('hawser'))
    const rules = await socket.dumpRules('ip', 'hawser', 'c-3-0')
    // The kernel spells out the operation that is the default.
    const expected = RULES['c-3-0']?.map((rule) =>
      rule.map((expression) =>
        expression.expr === 'bitwise' ? { ...expression, op: 'mask-xor' } : expression,
      ),
    )
    expect(rules.map((rule) => rule.expressions)).toEqual(expected)
  })

  it('show tables, chains with their hooks, and verdicts', async () => {
    await socket.commit(exampleTransaction('hawser'))
    expect((await socket.dumpTables('ip')).map(({ name }) => name)).toEqual(['hawser'])
    const chains = await socket.dumpChains('ip', 'hawser')
    expect(chains.map(({ name }) => name)).toEqual(Object.keys(RULES))
    expect(chains.find(({ name }) => name === 'nat-pre')?.hook).toEqual({
      type: 'nat',
      hook: 'prerouting',
      priority: -100,
      policy: 'accept',
    })
    const classes = await socket.dumpVerdictElements('ip', 'hawser', 'classes')
    expect(classes.map(({ verdict }) => verdict)).toContainEqual({ kind: 'goto', chain: 'reject-it' })
  })

  it('keep expressions that the schema does not know', async () => {
    await loadWithNft('table ip theirs { chain c { ip option ra exists accept; }; }')
    const [rule] = await socket.dumpRules('ip', 'theirs')
    expect(rule?.expressions[0]).toMatchObject({ expr: 'unknown', name: 'exthdr' })
  })

  it('refuse a layout that is not the width of the set', async () => {
    await socket.commit(exampleTransaction('hawser'))
    const layout = { ...elementLayout(SETS.svcs), keyLength: 16 }
    await expect(socket.dumpElements('ip', 'hawser', 'svcs', layout)).rejects.toMatchObject({
      code: 'EINVAL',
      operation: 'list set svcs of table ip hawser',
    })
  })

  it('are of one moment while another socket commits', async () => {
    const layout = { keyLength: 4 }
    const number = (value: number) => new Uint8Array(Uint32Array.of(value).buffer)
    const table = () => new NftTransaction('ip', 'busy')
    const all = new Uint8Array(Uint32Array.from({ length: 20_000 }, (_, index) => index).buffer)
    const set = { name: 's', keyType: 0, keyLength: 4, size: 30_000 }
    await socket.commit(table().addTable().addSet(set).addElements('s', all, layout))

    const writer = await NftablesSocket.open({ netns: netns.path })
    try {
      let next = 20_000
      for (let round = 0; round < 5; round++) {
        const dumping = socket.dumpElements('ip', 'busy', 's', layout)
        // Every commit adds one element and deletes another: at any moment there are 20,000.
        for (let commits = 0; commits < 60; commits++, next++) {
          const swap = table().addElements('s', number(next), layout)
          await writer.commit(swap.deleteElements('s', number(next - 20_000), layout))
        }
        expect(new Set(new Uint32Array((await dumping).slice().buffer)).size).toBe(20_000)
      }
    } finally {
      await writer.close()
    }
  })

  it('name the set that is not there', async () => {
    await socket.commit(exampleTransaction('hawser'))
    const dump = socket.dumpElements('ip', 'hawser', 'nosuch', { keyLength: 4 })
    await expect(dump).rejects.toMatchObject({
      code: 'ENOENT',
      operation: 'list set nosuch of table ip hawser',
    })
  })
})
