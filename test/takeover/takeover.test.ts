import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ProvingNode } from './node.ts'
import { Proof } from './proof.ts'
import { Random } from './random.ts'
import { schedule } from './rounds.ts'

const rounds = Number(process.env.HAWSER_TAKEOVER_ROUNDS ?? 30)
const seed = Number(process.env.HAWSER_TAKEOVER_SEED ?? Date.now() % 1_000_000)
const only = process.env.HAWSER_TAKEOVER_ONLY ?? ''

let node: ProvingNode
let proof: Proof

beforeAll(async () => {
  node = await ProvingNode.create()
  proof = await Proof.begin(node, new Random(seed))
})

afterAll(async () => {
  await proof?.end()
  await node?.dispose()
  process.stdout.write(`${proof?.summary() ?? ''}\n`)
})

describe(`clients notice nothing (seed ${seed})`, () => {
  it.each(schedule(rounds, new Random(seed), only))('round $number: $kind', async (round) => {
    const { failures, story } = await proof.play(round)
    if (failures.length === 0) return
    const file = join(tmpdir(), `hw-takeover-${seed}-${round.number}.txt`)
    await writeFile(file, `${story}\n\n${await node.rules()}`)
    expect.fail(`${story}\nThe kernel's rules are in ${file}`)
  })

  it('and would notice if there were no rules for a moment', async () => {
    const { failures } = await proof.playGap()
    expect(failures.length).toBeGreaterThan(0)
  })
})
