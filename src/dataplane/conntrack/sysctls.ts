import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Problem } from '../../model/problem.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'

/** KubeProxyConfiguration's `conntrack`; what is absent or 0 is left as the kernel has it. */
export interface ConntrackSettings {
  /** Entries per processor of the node; 0 leaves the table's size alone, whatever `min` says. */
  readonly maxPerCore?: number
  readonly min?: number
  readonly tcpEstablishedTimeoutMs?: number
  readonly tcpCloseWaitTimeoutMs?: number
  readonly udpTimeoutMs?: number
  readonly udpStreamTimeoutMs?: number
  /** Switches it on; false leaves it as it is. */
  readonly tcpBeLiberal?: boolean
}

export interface SysctlOptions {
  /** Path of a network namespace; the process's own when absent. */
  readonly netns?: string
  /** Folder that holds `proc/sys` and `sys`; `/` when absent. */
  readonly root?: string
  /** Processors of the node, not of this process's share. */
  readonly processors?: number
}

/** kube-proxy 1.36 scales no further, which a machine of many cores would lose gigabytes to. */
const LARGEST_SCALED = 1_048_576
/** Entries for each bucket of the hash table, as kube-proxy has it. */
const ENTRIES_PER_BUCKET = 4
const TABLE_LIMIT = 'net/netfilter/nf_conntrack_max'
const HASH_SIZE = 'sys/module/nf_conntrack/parameters/hashsize'

/**
 * Sets connection tracking up as kube-proxy 1.36 does: the table's limit and its hash table are only ever raised, the
 * time-outs become what they are given as. What the kernel does not allow is a Problem each, and the rest goes on.
 */
export async function applyConntrackSysctls(
  settings: ConntrackSettings,
  log: Logger,
  options: SysctlOptions = {},
): Promise<readonly Problem[]> {
  const problems: Problem[] = []
  const attempt = async (wanted: Wanted): Promise<void> => {
    const problem = await apply(wanted, log, options)
    if (problem !== undefined) problems.push(problem)
  }
  const limit = tableLimit(settings, options.processors ?? cpus().length)
  if (limit > 0) {
    await attempt({ ...sysctl(TABLE_LIMIT, limit), onlyRaise: true })
    await attempt(hashSize(Math.floor(limit / ENTRIES_PER_BUCKET)))
  }
  // The kernel counts in seconds, and 0 would end connections at once.
  for (const [name, ms] of [
    ['nf_conntrack_tcp_timeout_established', settings.tcpEstablishedTimeoutMs],
    ['nf_conntrack_tcp_timeout_close_wait', settings.tcpCloseWaitTimeoutMs],
    ['nf_conntrack_udp_timeout', settings.udpTimeoutMs],
    ['nf_conntrack_udp_timeout_stream', settings.udpStreamTimeoutMs],
  ] as const)
    if (ms !== undefined && ms > 0)
      await attempt(sysctl(`net/netfilter/${name}`, Math.max(1, Math.floor(ms / 1000))))
  if (settings.tcpBeLiberal === true) await attempt(sysctl('net/netfilter/nf_conntrack_tcp_be_liberal', 1))
  return problems
}

/** The limit that kube-proxy 1.36 asks for; 0 for none. `min` does not outweigh the cap. */
export function tableLimit({ maxPerCore = 0, min = 0 }: ConntrackSettings, processors: number): number {
  if (maxPerCore <= 0) return 0
  const scaled = maxPerCore * processors
  return scaled > LARGEST_SCALED ? LARGEST_SCALED : Math.max(scaled, min)
}

interface Wanted {
  /** As people know it. */
  readonly name: string
  /** Below the root. */
  readonly file: string
  readonly value: number
  /** Leave it where it is larger. */
  readonly onlyRaise: boolean
  readonly remedy: string
}

function sysctl(path: string, value: number): Wanted {
  const name = path.replaceAll('/', '.')
  return {
    name: `sysctl ${name}`,
    file: join('proc/sys', path),
    value,
    onlyRaise: false,
    remedy: `make /proc/sys writable in the node's own network namespace, or set ${name}=${value} beforehand`,
  }
}

const hashSize = (value: number): Wanted => ({
  name: 'hash size of nf_conntrack',
  file: HASH_SIZE,
  value,
  onlyRaise: true,
  remedy: `make /sys writable in the node's own network namespace, or write ${value} to /${HASH_SIZE} beforehand: lookups in a full table are slow until then`,
})

async function apply(
  { name, file, value, onlyRaise, remedy }: Wanted,
  log: Logger,
  options: SysctlOptions,
): Promise<Problem | undefined> {
  const files = options.netns === undefined ? here : inNamespace(options.netns)
  const path = join(options.root ?? '/', file)
  const problem = (reason: string): Problem => ({ place: name, reason, remedy, severity: 'warning' })
  let current: string
  try {
    current = await files.read(path)
  } catch (error) {
    return problem(`cannot be read: ${errorMessage(error)}`)
  }
  if (onlyRaise ? Number(current) >= value : Number(current) === value) return undefined
  try {
    await files.write(path, String(value))
  } catch (error) {
    return problem(`is ${current} and cannot be set to ${value}: ${errorMessage(error)}`)
  }
  log.info({ file: path, before: Number(current), value }, `${name} is set`)
  return undefined
}

/** Numbers in files. */
interface Files {
  read(path: string): Promise<string>
  write(path: string, value: string): Promise<void>
}

const here: Files = {
  read: async (path) => (await readFile(path, 'utf8')).trim(),
  write: (path, value) => writeFile(path, value),
}

/** /proc/sys/net shows the namespace of who looks, so a process has to go there. */
function inNamespace(netns: string): Files {
  const run = async (...command: readonly string[]): Promise<string> =>
    (await promisify(execFile)('nsenter', [`--net=${netns}`, ...command])).stdout.trim()
  return {
    read: (path) => run('cat', path),
    write: async (path, value) => {
      await run('sh', '-c', 'echo "$1" >"$0"', path, value)
    },
  }
}
