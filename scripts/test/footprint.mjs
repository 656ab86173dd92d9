import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { tryProgram } from '../setup/run-program.mjs'

/**
 * What a node leaves on a machine while it runs: network interfaces and namespaces, nf_tables tables, mounts, cgroups,
 * and processes of containers. A footprint taken before and one taken after a run tell what the run left behind.
 *
 * @returns {Promise<ReadonlySet<string>>} one line each, such as `interface veth1a2b`
 */
export async function footprint() {
  const tables = await tryProgram('nft', ['list', 'tables'])
  return new Set([
    ...names('/sys/class/net').map((name) => `interface ${name}`),
    ...names('/run/netns').map((name) => `network namespace ${name}`),
    ...linesOf(tables.output).map((line) => `nf_tables ${line}`),
    ...mountPoints().map((path) => `mount ${path}`),
    ...podCgroups().map((path) => `cgroup ${path}`),
    ...shims().map((pid) => `container process ${pid}`),
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
  linesOf(readFileSync('/proc/self/mountinfo', 'utf8')).map((line) => line.split(' ')[4] ?? '')

/** Cgroups of pods, in every hierarchy, wherever in its first levels. */
function podCgroups() {
  const hierarchies = ['/sys/fs/cgroup', ...names('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`)]
  return hierarchies.flatMap((folder) =>
    names(folder)
      .filter((name) => /^(kubepods|hawser)/.test(name))
      .map((name) => `${folder}/${name}`),
  )
}

/** Processes that belong to a container runtime; each container has a shim. */
const shims = () =>
  names('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      return ['containerd', 'containerd-shim-runc-v2'].includes(basename(program))
    } catch {
      return false // it ended meanwhile
    }
  })
