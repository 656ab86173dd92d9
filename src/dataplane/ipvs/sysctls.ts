import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { DataplaneError } from '../errors.ts'

/**
 * What IPVS needs of the kernel (Documentation/networking/ipvs-sysctl.rst):
 * - `conntrack`: its connections are conntrack's too, or they could not be masqueraded
 * - `conn_reuse_mode`: a client port that comes again goes on where it was instead of losing a second to a dropped SYN
 * - `expire_nodest_conn`: the packet after the removal of a real server ends the connection instead of vanishing
 * - `expire_quiescent_template`: affinity does not hold on to a real server that only finishes its connections
 */
const IPVS_SYSCTLS: Readonly<Record<string, string>> = {
  'net/ipv4/vs/conntrack': '1',
  'net/ipv4/vs/conn_reuse_mode': '0',
  'net/ipv4/vs/expire_nodest_conn': '1',
  'net/ipv4/vs/expire_quiescent_template': '1',
}

/** ARP only for and from addresses of the interface itself (Documentation/networking/ip-sysctl.rst). */
const STRICT_ARP_SYSCTLS: Readonly<Record<string, string>> = {
  'net/ipv4/conf/all/arp_ignore': '1',
  'net/ipv4/conf/all/arp_announce': '2',
}

/** Sets what is not so already. Rejects with a DataplaneError when the kernel does not let us. */
export async function setSysctls(strictArp: boolean, netns: string | undefined): Promise<void> {
  const wanted = { ...IPVS_SYSCTLS, ...(strictArp ? STRICT_ARP_SYSCTLS : {}) }
  try {
    if (netns === undefined) await writeHere(wanted)
    else await writeIn(netns, wanted)
  } catch (error) {
    throw new DataplaneError(
      'NO_PERMISSION',
      `cannot set the sysctls of IPVS: ${error instanceof Error ? error.message : String(error)}`,
      `make /proc/sys writable, or set ${Object.keys(wanted).join(', ')} beforehand`,
      error,
    )
  }
}

async function writeHere(wanted: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(wanted)) {
    const path = `/proc/sys/${name}`
    if ((await readFile(path, 'utf8')).trim() !== value) await writeFile(path, value)
  }
}

/** /proc/sys/net shows the namespace of who looks, so a process has to go there. */
async function writeIn(netns: string, wanted: Readonly<Record<string, string>>): Promise<void> {
  const script = Object.entries(wanted)
    .map(([name, value]) => `{ [ "$(cat ${name})" = ${value} ] || echo ${value} >${name}; }`)
    .join(' && ')
  await promisify(execFile)('nsenter', [`--net=${netns}`, 'sh', '-c', `cd /proc/sys && ${script}`])
}
