import type { Backend } from '../../src/dataplane/backend.ts'
import { DesiredCompiler } from '../../src/dataplane/desired/compiler.ts'
import { DEFAULT_MASQUERADE_MARK, type FamilyConfig } from '../../src/dataplane/family-config.ts'
import type { ConntrackSocket } from '../../src/native/conntrack.ts'
import type { IpFamily } from '../../src/util/address.ts'
import { PLACES, type ServiceWorld } from '../support/service-world.ts'
import { address, cidr } from '../support/services.ts'
import type { ScriptedBackend } from './backends.ts'
import { Fates, normal } from './fates.ts'
import { changesOf, type Script, type Step } from './script.ts'

/** What one step of a script came to. A plain value: scripts also run in kernels that tests only hear of. */
export interface StepResult {
  readonly found: StepOutcome
  readonly foretold: StepOutcome
}

interface StepOutcome {
  readonly fates: readonly string[]
  readonly problems: readonly string[]
  /** Of the lines that a script wants to see of the kernel those that are there. */
  readonly kernel: readonly string[]
  readonly audit: readonly string[]
}

/** Where scripts run: the world, and its node's conntrack. */
export interface Stage {
  readonly world: ServiceWorld
  readonly flows: ConntrackSocket
}

/** Plays a script against a backend, step by step, and leaves nothing of it. Rejects when the kernel takes a step ill. */
export async function runScript(
  script: Script,
  family: IpFamily,
  scripted: ScriptedBackend,
  { world, flows }: Stage,
): Promise<StepResult[]> {
  const config = configOf(script, family)
  const { nodeAddresses } = config
  const compiler = new DesiredCompiler({
    ...{ families: [family], nodeName: 'here', zone: script.node.zone, nodeAddresses },
  })
  const backend = await scripted.open(config, world.node.path)
  try {
    for (const carried of script.node.carries)
      await world.node.exec('ip', 'addr', 'add', carried, 'dev', 'lo')
    expectCommitted(await backend.rebuild([]))
    const fates = new Fates(world, family, scripted.questions)
    const results: StepResult[] = []
    for (const step of script.steps) {
      await program(step, family, compiler, backend)
      await forgetFlows(flows, family)
      const lines = await scripted.describe([...compiler.frontends(family).values()], config)
      const wanted = (step.kernel[scripted.name] ?? []).map(normal)
      results.push({
        found: {
          fates: await Promise.all(step.fates.map((line) => fates.find(line))),
          problems: compiler.problems().map(({ place }) => place),
          kernel: wanted.filter((line) => lines.includes(line)),
          audit: await backend.audit(),
        },
        foretold: { fates: step.fates.map(normal), problems: step.problems, kernel: wanted, audit: [] },
      })
    }
    return results
  } finally {
    await backend.remove()
    await backend.close()
    // They are gone already where the backend itself took them away.
    for (const carried of script.node.carries)
      await world.node.exec('ip', 'addr', 'del', carried, 'dev', 'lo').catch(() => {})
  }
}

const configOf = ({ node }: Script, family: IpFamily): FamilyConfig => ({
  family,
  serviceCidrs: [cidr(PLACES[family].serviceCidr)],
  podCidrs: [cidr(PLACES[family].podCidr)],
  ...(node.podInterface === undefined ? {} : { podInterface: node.podInterface }),
  nodeAddresses: [address(PLACES[family].node)],
  masqueradePodEgress: false,
  masqueradeMark: node.masqueradeBit === undefined ? DEFAULT_MASQUERADE_MARK : 2 ** node.masqueradeBit,
  masqueradeAll: node.masqueradeAll ?? false,
})

async function program(
  step: Step,
  family: IpFamily,
  compiler: DesiredCompiler,
  backend: Backend,
): Promise<void> {
  for (const change of changesOf(step, family)) compiler.apply(change)
  expectCommitted(
    await backend.update(new Map(compiler.compile().map(({ key, frontend }) => [key, frontend]))),
  )
}

/** A source port that is used again would else lead to where an earlier step sent it: clients use thousands. */
async function forgetFlows(flows: ConntrackSocket, family: IpFamily): Promise<void> {
  await flows.deleteEntries(await flows.list(family))
}

function expectCommitted(outcome: Awaited<ReturnType<Backend['update']>>): void {
  if (outcome.kind !== 'committed') throw new Error(`${outcome.kind}: ${outcome.error.message}`)
}
