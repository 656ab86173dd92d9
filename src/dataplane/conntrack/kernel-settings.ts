import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const ACCOUNTING = '/proc/sys/net/netfilter/nf_conntrack_acct'
const TCP_LOOSE = '/proc/sys/net/netfilter/nf_conntrack_tcp_loose'

/** What to do about it. */
export const ACCOUNTING_OFF =
  'sysctl -w net.netfilter.nf_conntrack_acct=1 counts those of connections from then on'

/**
 * Whether the kernel counts bytes and packets of connections that begin from now on; undefined when it does not say.
 * `netns` is the path of a network namespace, the process's own when absent.
 */
export async function countsBytes(netns: string | undefined): Promise<boolean | undefined> {
  const text = await read(ACCOUNTING, netns).catch(() => undefined)
  return text === undefined ? undefined : Number(text) !== 0
}

/**
 * Whether a TCP packet that belongs to no known connection begins one, whatever its flags. Rejects when the kernel does not
 * say.
 */
export const picksUpConnections = async (netns: string | undefined): Promise<boolean> =>
  Number(await read(TCP_LOOSE, netns)) !== 0

/** /proc/sys/net shows the namespace of who looks, so a process has to go there. */
async function read(path: string, netns: string | undefined): Promise<string> {
  if (netns === undefined) return readFile(path, 'utf8')
  return (await promisify(execFile)('nsenter', [`--net=${netns}`, 'cat', path])).stdout
}
