import type { Probe, ProbeAction } from '../../src/model/probe.ts'

/** A probe with the API's defaults, unless told otherwise. */
export const buildProbe = (changes: Partial<Probe> = {}): Probe => ({
  action: { kind: 'tcpSocket', host: undefined, port: 80 },
  initialDelaySeconds: 0,
  periodSeconds: 10,
  timeoutSeconds: 1,
  successThreshold: 1,
  failureThreshold: 3,
  terminationGracePeriodSeconds: undefined,
  ...changes,
})

export const execProbe = (...command: readonly string[]): ProbeAction => ({ kind: 'exec', command })
