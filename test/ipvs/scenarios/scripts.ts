/** Plays the worlds of `test/script` against the IPVS backend over both families, and prints what went otherwise. */
import { readdirSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { Frontend } from '../../../src/dataplane/desired/frontend.ts'
import type { FamilyConfig } from '../../../src/dataplane/family-config.ts'
import { formatPlan } from '../../../src/dataplane/ipvs/format-plan.ts'
import { IpvsBackend } from '../../../src/dataplane/ipvs/ipvs-backend.ts'
import type { IpvsConfig } from '../../../src/dataplane/ipvs/ipvs-config.ts'
import { IpvsState } from '../../../src/dataplane/ipvs/ipvs-state.ts'
import { PlanBuilder } from '../../../src/dataplane/ipvs/plan-builder.ts'
import { ConntrackSocket } from '../../../src/native/conntrack.ts'
import type { IpFamily } from '../../../src/util/address.ts'
import type { ScriptedBackend } from '../../script/backends.ts'
import { runScript, type StepResult } from '../../script/run-script.ts'
import { readScript } from '../../script/script.ts'
import { ServiceWorld } from '../../support/service-world.ts'

/** By family and file: what came of each step. */
export type ScriptObservations = Readonly<Record<IpFamily, Readonly<Record<string, readonly StepResult[]>>>>

const FOLDER = pathToFileURL('test/script/')

const ipvs = (config: FamilyConfig): IpvsConfig => ({
  ...config,
  excludeCidrs: [],
  strictArp: false,
  timeouts: { tcpSeconds: 0, tcpFinSeconds: 0, udpSeconds: 0 },
})

const IPVS: ScriptedBackend = {
  name: 'ipvs',
  // They get connections in turn, but several clients ask beside each other.
  questions: 16,
  open: (config, netns) => IpvsBackend.open(ipvs(config), netns),
  async describe(frontends: readonly Frontend[], config) {
    const builder = new PlanBuilder(ipvs(config), new IpvsState())
    for (const frontend of frontends) builder.add(frontend.key, frontend)
    return formatPlan(builder.finish().plan)
  },
}

async function play(family: IpFamily, files: readonly string[]): Promise<void> {
  const world = await ServiceWorld.create(3)
  try {
    for (const [index, file] of files.entries()) {
      // IPVS remembers connections for minutes, and all scripts have the same addresses: one from a port that an earlier
      // script had used would go where that one went. A namespace's memory goes with it.
      if (index > 0) await world.renewNode()
      const flows = await ConntrackSocket.open({ netns: world.node.path })
      const script = await readScript(new URL(file, FOLDER), family)
      observations[family][file] = await runScript(script, family, IPVS, { world, flows })
      await flows.close()
    }
  } finally {
    await world.dispose()
  }
}

const observations: Record<IpFamily, Record<string, readonly StepResult[]>> = { IPv4: {}, IPv6: {} }
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))
for (const family of ['IPv4', 'IPv6'] as const) await play(family, files)
console.log(JSON.stringify(observations satisfies ScriptObservations))
