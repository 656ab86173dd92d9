import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { IpFamily } from '../../util/address.ts'
import { run } from '../host/run.ts'

/** The chains that the portmap plugin makes for a first `hostPort`, and leaves when the last is gone. */
const CHAIN = /^:(CNI-HOSTPORT-[A-Z]+) /gm
/** What leads into them. */
const JUMP = /^-A \S+ .*-j CNI-HOSTPORT-[A-Z]+$/gm

/**
 * What removes the plugin's chains, to be read by iptables-restore, from what iptables-save says. Undefined: there are
 * none, or some pod's port is in them yet. Whoever needs them again makes them again. Pure.
 */
export function chainRemoval(saved: string): string | undefined {
  const chains = [...saved.matchAll(CHAIN)].map(([, name]) => name)
  if (chains.length === 0 || /^-A CNI-HOSTPORT-DNAT /m.test(saved)) return undefined
  const jumps = [...saved.matchAll(JUMP)].map(([rule]) => rule.replace('-A', '-D'))
  const emptied = chains.map((name) => `-F ${name}`)
  const deleted = chains.map((name) => `-X ${name}`)
  return ['*nat', ...jumps, ...emptied, ...deleted, 'COMMIT', ''].join('\n')
}

/** Removes them where no pod's port is in them; `folder` takes a file for the time being. */
export async function removeHostPortChains(
  folder: string,
  family: IpFamily,
  netns: string | undefined,
): Promise<void> {
  const iptables = (tool: string, ...args: readonly string[]): Promise<string> => {
    const program = `${family === 'IPv6' ? 'ip6tables' : 'iptables'}-${tool}`
    return netns === undefined ? run(program, args) : run('nsenter', [`--net=${netns}`, program, ...args])
  }
  const removal = chainRemoval(await iptables('save'))
  if (removal === undefined) return
  const file = join(folder, 'host-port-chains')
  await writeFile(file, removal)
  try {
    await iptables('restore', '--noflush', file)
  } finally {
    await rm(file, { force: true })
  }
}
