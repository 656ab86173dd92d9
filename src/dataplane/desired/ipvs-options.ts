import type { ObjectName } from '../../model/object-name.ts'
import type { Problem } from '../../model/problem.ts'

/** Scheduler flags of linux/ip_vs.h, by the names ipvsadm gives them; `one-packet` means something for UDP only. */
export type IpvsFlag = 'mh-port' | 'mh-fallback' | 'sh-port' | 'sh-fallback' | 'one-packet'

/** How packets reach the endpoint: translated, or with their destination intact for it to answer directly. */
export type IpvsForward = 'masq' | 'dr' | 'tunnel'

/** What a Service's annotations ask of IPVS; other backends have no use for it. */
export interface IpvsOptions {
  readonly scheduler: string
  readonly flags: readonly IpvsFlag[]
  readonly forward: IpvsForward
  /** How long an endpoint that goes may keep its connections; undefined: as long as the proxy's own limit says. */
  readonly drainSeconds: number | undefined
}

/** For the many Services that ask for nothing: one object that they share. */
export const DEFAULT_IPVS_OPTIONS: IpvsOptions = Object.freeze({
  scheduler: 'rr',
  flags: Object.freeze([]),
  forward: 'masq',
  drainSeconds: undefined,
})

/** The schedulers of Linux (net/netfilter/ipvs, `ip_vs_*.c`). */
const SCHEDULERS: readonly string[] = 'rr,wrr,lc,wlc,fo,ovf,lblc,lblcr,dh,sh,mh,sed,nq,twos'.split(',')
const FLAGS: readonly IpvsFlag[] = ['mh-port', 'mh-fallback', 'sh-port', 'sh-fallback', 'one-packet']
const FORWARDS: readonly IpvsForward[] = ['masq', 'dr', 'tunnel']

const PREFIX = 'hawser.dev/'
const SCHEDULER = `${PREFIX}ipvs-scheduler`
const FLAG_LIST = `${PREFIX}ipvs-flags`
const FORWARD = `${PREFIX}forward-method`
const DRAIN_TIMEOUT = `${PREFIX}ipvs-drain-timeout`
const ANNOTATIONS = [SCHEDULER, FLAG_LIST, FORWARD, DRAIN_TIMEOUT]

/**
 * Reads the annotations. A wrong value is reported to `problems` and leaves its option at `defaults`; it never keeps
 * the Service from being served.
 */
export function readIpvsOptions(
  service: ObjectName,
  annotations: ReadonlyMap<string, string>,
  defaults: IpvsOptions,
  problems: Problem[],
): IpvsOptions {
  if (!ANNOTATIONS.some((name) => annotations.has(name))) return defaults
  const wrong = (annotation: string, value: string, allowed: readonly string[]): void => {
    problems.push({
      place: `Service ${service}`,
      severity: 'warning',
      reason: `annotation ${annotation} has no use for ${JSON.stringify(value)}`,
      remedy: `use ${allowed.join(', ')}`,
    })
  }
  const oneOf = <Value extends string>(name: string, allowed: readonly Value[]): Value | undefined => {
    const written = annotations.get(name)
    const found = allowed.find((value) => value === written)
    if (written !== undefined && found === undefined) wrong(name, written, allowed)
    return found
  }
  const scheduler = oneOf(SCHEDULER, SCHEDULERS) ?? defaults.scheduler
  const usable = FLAGS.filter((flag) => flag === 'one-packet' || flag.startsWith(`${scheduler}-`))
  const written = (annotations.get(FLAG_LIST) ?? '').split(',').map((flag) => flag.trim())
  for (const flag of written)
    if (flag !== '' && !usable.some((known) => known === flag)) wrong(FLAG_LIST, flag, usable)
  const drainSeconds = (written: string | undefined): number | undefined => {
    const seconds = written === undefined ? undefined : parseSeconds(written)
    if (written !== undefined && seconds === undefined)
      wrong(DRAIN_TIMEOUT, written, [
        'a duration up to 24h such as 90s',
        '5m',
        '1h30m',
        '0s to wait for nobody',
      ])
    return seconds
  }
  return {
    scheduler,
    flags: usable.filter((flag) =>
      annotations.has(FLAG_LIST) ? written.includes(flag) : defaults.flags.includes(flag),
    ),
    forward: oneOf(FORWARD, FORWARDS) ?? defaults.forward,
    drainSeconds: drainSeconds(annotations.get(DRAIN_TIMEOUT)) ?? defaults.drainSeconds,
  }
}

const DURATION = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/
const LONGEST_SECONDS = 24 * 3600

/** Whole seconds of a duration as Go writes them; undefined for what is none or too long. */
function parseSeconds(text: string): number | undefined {
  const match = DURATION.exec(text)
  if (match === null || text === '') return undefined
  const [, hours = 0, minutes = 0, seconds = 0] = match
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
  return total <= LONGEST_SECONDS ? total : undefined
}

export const sameIpvsOptions = (a: IpvsOptions, b: IpvsOptions): boolean =>
  a === b ||
  (a.scheduler === b.scheduler &&
    a.forward === b.forward &&
    a.drainSeconds === b.drainSeconds &&
    a.flags.length === b.flags.length &&
    a.flags.every((flag, i) => flag === b.flags[i]))
