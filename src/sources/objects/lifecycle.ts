import * as v from 'valibot'
import type { Lifecycle, LifecycleAction } from '../../model/lifecycle.ts'
import type { ContainerPort } from '../../model/pod.ts'
import { handlers, toAction } from './handler.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'

const secondsMessage = 'must be a number of seconds of 0 or more'

const handler = v.object({
  exec: handlers.exec,
  httpGet: handlers.httpGet,
  sleep: v.nullish(
    v.object({ seconds: v.pipe(v.number(), v.integer(secondsMessage), v.minValue(0, secondsMessage)) }),
  ),
})

/** core/v1 Lifecycle. Its tcpSocket is there for compatibility alone and never did anything (core/v1 LifecycleHandler). */
export const lifecycle = v.nullish(
  v.object({ postStart: v.nullish(handler), preStop: v.nullish(handler) }),
  {},
)

type WrittenHandler = v.InferOutput<typeof handler>

export function toLifecycle(
  { postStart, preStop }: v.InferOutput<typeof lifecycle>,
  ports: readonly ContainerPort[],
  path: ObjectPath,
  findings: Findings,
): Lifecycle {
  const read = (
    name: keyof Lifecycle,
    written: WrittenHandler | null | undefined,
  ): LifecycleAction | undefined =>
    written ? toLifecycleAction(written, ports, [...path, name], findings) : undefined
  return { postStart: read('postStart', postStart), preStop: read('preStop', preStop) }
}

function toLifecycleAction(
  { exec, httpGet, sleep }: WrittenHandler,
  ports: readonly ContainerPort[],
  path: ObjectPath,
  findings: Findings,
): LifecycleAction | undefined {
  if (sleep && !exec && !httpGet) return { kind: 'sleep', seconds: sleep.seconds }
  if (sleep || (exec && httpGet) || (!exec && !httpGet)) {
    findings.error(path, 'must have exactly one of exec, httpGet and sleep')
    return undefined
  }
  const action = toAction({ exec, httpGet }, ports, path, findings)
  return action?.kind === 'exec' || action?.kind === 'httpGet' ? action : undefined
}
