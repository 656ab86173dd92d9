import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DesiredCompiler } from '../../dataplane/desired/compiler.ts'
import { planText } from '../../dataplane/plan-text.ts'
import { tableConfig } from '../../dataplane/proxy-options.ts'
import { createRegistry } from '../../metrics/registry.ts'
import type { Change } from '../../model/change.ts'
import { formatProblem } from '../../model/problem.ts'
import { ALLOCATIONS } from '../../sources/files/allocation-memory.ts'
import type { SourceUpdate } from '../../sources/source-update.ts'
import type { Cidr } from '../../util/address.ts'
import type { Logger } from '../../util/logger.ts'
import { exitCodes } from '../command-error.ts'
import { packageVersion } from '../package-info.ts'
import { complain } from '../process/complain.ts'
import { expected } from '../process/expected.ts'
import { openLog } from '../process/log.ts'
import { dataplaneOptions } from './dataplane-options.ts'
import { NodeInUse } from './node-in-use.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { openSource, type SourceListener, type SourcePlace, sourcePlace } from './proxy-source.ts'
import { SourceProblems } from './source-problems.ts'
import type { DataplaneValues } from './switchable-proxy.ts'

/**
 * Prints what the proxy would put into a kernel that has nothing of it, family by family, and touches no kernel. What is
 * wrong goes to stderr. Resolves to the exit status.
 */
export async function dryRun(config: ProxyConfig): Promise<number> {
  const parts = { registry: createRegistry(packageVersion()), log: openLog(config.verbose, undefined) }
  // A daemon on the same folder must not find addresses given out behind its back.
  const stateDir = await mkdtemp(join(tmpdir(), 'hawser-dry-run-'))
  try {
    await copyFile(join(config.stateDir, ALLOCATIONS), join(stateDir, ALLOCATIONS)).catch(() => undefined)
    const place = await expected(() => sourcePlace({ ...config, stateDir }, parts.registry))
    const { changes, values } = await expected(() => firstWorld(config, place, parts.log))
    const options = { ...values, ...parts }
    const compiler = new DesiredCompiler(options)
    for (const change of changes) compiler.apply(change)
    compiler.compile()
    for (const problem of compiler.problems()) complain(`${problem.severity}: ${formatProblem(problem)}`)
    for (const family of options.families) {
      const frontends = compiler.frontends(family).values()
      const lines = await planText(config.mode, tableConfig(options, family), frontends, config.ipvs)
      process.stdout.write(`# ${family}\n${lines.join('\n')}\n`)
    }
    return exitCodes.ok
  } finally {
    await rm(stateDir, { recursive: true, force: true })
  }
}

interface World {
  readonly changes: readonly Change[]
  readonly values: DataplaneValues
}

/** Waits for all that the source has to say at first. */
async function firstWorld(config: ProxyConfig, place: SourcePlace, log: Logger): Promise<World> {
  const problems = new SourceProblems()
  const needsPodCidrs = (): boolean => config.detectLocal === 'NodeCIDR'
  const node = new NodeInUse({ name: config.nodeName, needsPodCidrs })
  let cidrs: readonly Cidr[] = []
  let hear: (update: SourceUpdate) => void = () => {}
  const first = new Promise<SourceUpdate>((resolve) => {
    hear = resolve
  })
  const listener: SourceListener = {
    onNode: (found) => {
      node.take(found)
      problems.takeNode(node.problems())
    },
    onServiceCidrs: (found) => {
      cidrs = found
    },
    onUpdate: (update) => {
      problems.take(update)
      hear(update)
    },
  }
  const source = await openSource(place, config, listener, log)
  try {
    const { changes } = await first
    return { changes, values: await dataplaneOptions(config, node.inUse, cidrs) }
  } finally {
    await source.close()
    if (place.kind === 'api') place.client.close()
  }
}
