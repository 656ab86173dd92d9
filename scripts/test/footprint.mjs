import { readdirSync, readFileSync } from 'node:fs'
import { tryProgram } from '../setup/run-program.mjs'

/** Where `hawser up` keeps its things by default; another Hawser's on the same machine lie elsewhere. */
const stateDirectory = '/var/lib/hawser'

/**
 * What a node has on a machine while it runs: network interfaces, nf_tables tables, mounts, cgroups, processes of
 * containers, and address forwarding. A footprint taken before and one taken after a run tell what the run left behind.
 *
 * @returns {Promise<ReadonlySet<string>>} one line each, such as `interface veth1a2b`
 */
export async function footprint() {
  const tables = await tryProgram('nft', ['list', 'tables'])
  return new Set([
    ...names('/sys/class/net').map((name) => `interface ${name}`),
    ...linesOf(tables.output).map((line) => `nf_tables ${line}`),
    ...mountPoints().map((path) => `mount ${path}`),
    ...podCgroups().map((path) => `cgroup ${path}`),
    `net.ipv4.ip_forward = ${readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim()}`,
    ...runtimeProcesses().map((pid) => `process ${pid} of the container runtime`),
  ])
}

/** @param {ReadonlySet<string>} before @param {ReadonlySet<string>} after @returns {readonly string[]} */
export const leftBehind = (before, after) => [...after].filter((line) => !before.has(line))

const linesOf = (text) => text.split('\n').filter((line) => line !== '')

function names(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Field 5 of proc_pid_mountinfo(5). */
const mountPoints = () =>
  linesOf(readFileSync('/proc/self/mountinfo', 'utf8'))
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(stateDirectory))

/** Cgroups of pods, in the one hierarchy of cgroup v2 or in each of v1. */
function podCgroups() {
  const hierarchies = ['/sys/fs/cgroup', ...names('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`)]
  return hierarchies.flatMap((folder) =>
    names(folder)
      .filter((name) => /^(kubepods|hawser)/.test(name))
      .map((name) => `${folder}/${name}`),
  )
}

/** The runtime and its shims, one of which every container has, are told where to keep their things. */
const runtimeProcesses = () =>
  names('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      return program.includes('containerd') && args.some((arg) => arg.includes(stateDirectory))
    } catch {
      return false // it ended meanwhile
    }
  })
