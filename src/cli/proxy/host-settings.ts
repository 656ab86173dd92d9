import { writeFile } from 'node:fs/promises'
import { applyConntrackSysctls } from '../../dataplane/conntrack/sysctls.ts'
import { formatProblem, type Problem } from '../../model/problem.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { exitCodes } from '../command-error.ts'
import { complain } from '../process/complain.ts'
import { openLog } from '../process/log.ts'
import type { ProxyConfig } from './proxy-config.ts'

/** kube-proxy's wish, which most processes may not have: nobody misses it. */
const DEFAULT_OOM_SCORE = -999

/** Sets what the configuration asks of the host itself; what it does not allow is a Problem, and the rest goes on. */
export async function applyHostSettings(
  { conntrack, oomScoreAdj }: Pick<ProxyConfig, 'conntrack' | 'oomScoreAdj'>,
  log: Logger,
): Promise<readonly Problem[]> {
  const problems = await applyConntrackSysctls(conntrack, log)
  const refusal = await setOomScore(oomScoreAdj)
  if (refusal === undefined) return problems
  log.info({ oomScoreAdj, refusal }, 'the kernel may end this process as any other when memory is short')
  if (oomScoreAdj === DEFAULT_OOM_SCORE) return problems
  const remedy = 'add CAP_SYS_RESOURCE, or ask for no less than the process begins with'
  const reason = `cannot be set to ${oomScoreAdj}: ${refusal}`
  return [...problems, { place: 'oomScoreAdj', severity: 'warning', reason, remedy }]
}

/**
 * What kube-proxy's `--init-only` is for: a container with more rights does this much, and the proxy itself then needs
 * fewer. Resolves to the exit status.
 */
export async function initOnly(config: ProxyConfig): Promise<number> {
  const problems = await applyConntrackSysctls(config.conntrack, openLog(config.verbose, undefined))
  for (const problem of problems) complain(`${problem.severity}: ${formatProblem(problem)}`)
  return problems.length === 0 ? exitCodes.ok : exitCodes.failure
}

/** proc_pid_oom_score_adj(5) */
async function setOomScore(score: number): Promise<string | undefined> {
  try {
    await writeFile('/proc/self/oom_score_adj', String(score))
    return undefined
  } catch (error) {
    return errorMessage(error)
  }
}
