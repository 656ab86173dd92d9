import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { errorMessage } from '../../util/error-message.ts'
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

const wantedSysctls = (strictArp: boolean): Readonly<Record<string, string>> => ({
  ...IPVS_SYSCTLS,
  ...(strictArp ? STRICT_ARP_SYSCTLS : {}),
})

/** Sets what is not so already. Rejects with a DataplaneError when the kernel does not let us. */
export async function setSysctls(strictArp: boolean, netns: string | undefined): Promise<void> {
  const wanted = wantedSysctls(strictArp)
  try {
    if (netns === undefined) writeHere(wanted)
    else await writeIn(netns, wanted)
  } catch (error) {
    throw new DataplaneError(
      'NO_PERMISSION',
      `cannot set the sysctls of IPVS: ${errorMessage(error)}`,
      `make /proc/sys writable, or set ${Object.keys(wanted).join(', ')} beforehand`,
      error,
    )
  }
}

/** Says in words which of them somebody else has changed. */
export async function wrongSysctls(strictArp: boolean, netns: string | undefined): Promise<string[]> {
  const wanted = Object.entries(wantedSysctls(strictArp))
  const names = wanted.map(([name]) => name)
  const found = netns === undefined ? names.map(readHere) : await readIn(netns, names)
  return wanted.flatMap(([name, value], i) =>
    found[i] === value ? [] : [`sysctl ${name.replaceAll('/', '.')} is ${found[i]} instead of ${value}`],
  )
}

/** Microseconds of a file system that never waits: synchronous ones cost the least of them. */
const readHere = (name: string): string => readFileSync(`/proc/sys/${name}`, 'utf8').trim()

function writeHere(wanted: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(wanted))
    if (readHere(name) !== value) writeFileSync(`/proc/sys/${name}`, value)
}

const readIn = async (netns: string, names: readonly string[]): Promise<string[]> =>
  (await runIn(netns, `cat ${names.join(' ')}`)).trim().split('\n')

async function writeIn(netns: string, wanted: Readonly<Record<string, string>>): Promise<void> {
  const settings = Object.entries(wanted).map(
    ([name, value]) => `{ [ "$(cat ${name})" = ${value} ] || echo ${value} >${name}; }`,
  )
  await runIn(netns, settings.join(' && '))
}

/** /proc/sys/net shows the namespace of who looks, so a process has to go there. */
async function runIn(netns: string, script: string): Promise<string> {
  const words = [`--net=${netns}`, 'sh', '-c', `cd /proc/sys && ${script}`]
  return (await promisify(execFile)('nsenter', words)).stdout
}
