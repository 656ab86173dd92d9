import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConntrackSocket } from '../../src/native/conntrack.ts'
import { ServiceWorld } from '../support/service-world.ts'
import { BACKENDS } from './backends.ts'
import { runScript, type Stage } from './run-script.ts'
import { readScript } from './script.ts'

const FILES = readdirSync(new URL('.', import.meta.url)).filter((file) => file.endsWith('.yaml'))

let stage: Stage

beforeAll(async () => {
  const world = await ServiceWorld.create(3)
  stage = { world, flows: await ConntrackSocket.open({ netns: world.node.path }) }
})

afterAll(async () => {
  await stage?.flows.close()
  await stage?.world.dispose()
})

describe.each(BACKENDS)('$name', (scripted) => {
  describe.each(['IPv4', 'IPv6'] as const)('over %s', (family) => {
    it.each(FILES)('%s', async (file) => {
      const script = await readScript(new URL(file, import.meta.url), family)
      for (const { found, foretold } of await runScript(script, family, scripted, stage))
        expect(found).toEqual(foretold)
    })
  })
})
