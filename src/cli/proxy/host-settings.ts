import { writeFile } from 'node:fs/promises'
import { applyConntrackSysctls } from '../../dataplane/conntrack/sysctls.ts'
import type { Problem } from '../../model/problem.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
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

/** proc_pid_oom_score_adj(5) */
async function setOomScore(score: number): Promise<string | undefined> {
  try {
    await writeFile('/proc/self/oom_score_adj', String(score))
    return undefined
  } catch (error) {
    return errorMessage(error)
  }
}
