import { errorMessage } from '../../util/error-message.ts'
import type { Limit } from '../../util/limit.ts'
import type { CriClient } from '../runtime/cri-client.ts'
import type { Answer } from './answer.ts'
import { askGrpc } from './ask-grpc.ts'
import { askHttp } from './ask-http.ts'
import { askTcp } from './ask-tcp.ts'
import type { ProbeTarget } from './targets.ts'

/** Asks once. Never rejects: no answer in time is an answer too, and so is one that was not waited for. */
export type Asker = (target: ProbeTarget, signal: AbortSignal) => Promise<Answer>

/**
 * Asks as the probe says. Programs in containers, the dear kind, are run so many at a time as `execs` allows; their
 * time begins with their turn.
 */
export function createAsker(client: Pick<CriClient, 'execSync'>, execs: Limit): Asker {
  return async (target, signal) => {
    try {
      const timeout = target.probe.timeoutSeconds * 1000
      const { action } = target.probe
      if (action.kind === 'exec')
        return await execs.run(() => askProgram(client, target.containerId, action.command, timeout))
      const limited = AbortSignal.any([signal, AbortSignal.timeout(timeout)])
      const host = target.address ?? '127.0.0.1'
      switch (action.kind) {
        case 'httpGet':
          return await askHttp({ ...action, host: action.host ?? host }, limited)
        case 'tcpSocket':
          return await askTcp(action.host ?? host, action.port, limited)
        case 'grpc':
          return await askGrpc(host, action.port, action.service, timeout)
      }
    } catch (error) {
      return { passed: false, message: errorMessage(error) }
    }
  }
}

async function askProgram(
  client: Pick<CriClient, 'execSync'>,
  containerId: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<Answer> {
  const { exitCode, stdout, stderr } = await client.execSync(containerId, command, timeoutMs)
  const said = Buffer.concat([stdout, stderr]).toString('utf8').trim().slice(0, MESSAGE_LENGTH)
  return { passed: exitCode === 0, message: `${command[0]} ended with exit code ${exitCode}: ${said}` }
}

/** Of what a program says, this much is passed on. */
const MESSAGE_LENGTH = 1024
