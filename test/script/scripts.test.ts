import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Backend } from '../../src/dataplane/backend.ts'
import { DesiredCompiler } from '../../src/dataplane/desired/compiler.ts'
import type { FamilyConfig } from '../../src/dataplane/family-config.ts'
import { ConntrackSocket } from '../../src/native/conntrack.ts'
import type { IpFamily } from '../../src/util/address.ts'
import { PLACES, ServiceWorld } from '../support/service-world.ts'
import { address, cidr } from '../support/services.ts'
import { BACKENDS, type ScriptedBackend } from './backends.ts'
import { Fates, normal } from './fates.ts'
import { changesOf, readScript, type Script, type Step } from './script.ts'

const FILES = readdirSync(new URL('.', import.meta.url)).filter((file) => file.endsWith('.yaml'))

let world: ServiceWorld
let flows: ConntrackSocket

beforeAll(async () => {
  world = await ServiceWorld.create(3)
  flows = await ConntrackSocket.open({ netns: world.node.path })
})

afterAll(async () => {
  await flows?.close()
  await world?.dispose()
})

const configOf = ({ node }: Script, family: IpFamily): FamilyConfig => ({
  family,
  serviceCidrs: [cidr(PLACES[family].serviceCidr)],
  podCidrs: [cidr(PLACES[family].podCidr)],
  nodeAddresses: [address(PLACES[family].node)],
  masqueradePodEgress: false,
  masqueradeAll: node.masqueradeAll ?? false,
})

async function run(script: Script, family: IpFamily, scripted: ScriptedBackend): Promise<void> {
  const config = configOf(script, family)
  const { nodeAddresses } = config
  const compiler = new DesiredCompiler({
    ...{ families: [family], nodeName: 'here', zone: script.node.zone, nodeAddresses },
  })
  const backend = await scripted.open(config, world.node.path)
  try {
    expect(await backend.rebuild([])).toEqual({ kind: 'committed' })
    const fates = new Fates(world, family)
    for (const step of script.steps) {
      await program(step, family, compiler, backend)
      await forgetFlows(family)
      const found = await Promise.all(step.fates.map((line) => fates.find(line)))
      expect(found).toEqual(step.fates.map(normal))
      expect(compiler.problems().map(({ place }) => place)).toEqual(step.problems)
      const lines = await scripted.describe([...compiler.frontends(family).values()], config)
      expect(lines).toEqual(expect.arrayContaining(step.kernel[scripted.name] ?? []))
      expect(await backend.audit()).toEqual([])
    }
  } finally {
    await backend.remove()
    await backend.close()
  }
}

/** A source port that is used again would else lead to where an earlier step sent it: clients use thousands. */
async function forgetFlows(family: IpFamily): Promise<void> {
  await flows.deleteEntries(await flows.list(family))
}

async function program(
  step: Step,
  family: IpFamily,
  compiler: DesiredCompiler,
  backend: Backend,
): Promise<void> {
  for (const change of changesOf(step, family)) compiler.apply(change)
  const changes = new Map(compiler.compile().map(({ key, frontend }) => [key, frontend]))
  expect(await backend.update(changes)).toEqual({ kind: 'committed' })
}

describe.each(BACKENDS)('$name', (scripted) => {
  describe.each(['IPv4', 'IPv6'] as const)('over %s', (family) => {
    it.each(FILES)('%s', async (file) => {
      await run(await readScript(new URL(file, import.meta.url), family), family, scripted)
    })
  })
})
