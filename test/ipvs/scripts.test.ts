import { readdirSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { observe } from './scenario.ts'
import type { ScriptObservations } from './scenarios/scripts.ts'

const FILES = readdirSync(new URL('../script/', import.meta.url)).filter((file) => file.endsWith('.yaml'))

let seen: ScriptObservations

beforeAll(async () => {
  seen = await observe<ScriptObservations>('scripts')
})

describe.each(['IPv4', 'IPv6'] as const)('ipvs over %s', (family) => {
  it.each(FILES)('%s', (file) => {
    for (const { found, foretold } of seen[family][file] ?? []) expect(found).toEqual(foretold)
    expect(seen[family][file]).not.toEqual([])
  })
})
