import { readFile, writeFile } from 'node:fs/promises'
import { run } from './run.ts'

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward'

/** net.ipv4.ip_forward, `0` or `1`, of a network namespace given by path (undefined: this process's own). */
export async function readIpForwarding(netns: string | undefined): Promise<string> {
  const value =
    netns === undefined
      ? await readFile(IP_FORWARD, 'utf8')
      : await run('nsenter', [`--net=${netns}`, 'cat', IP_FORWARD])
  return value.trim()
}

export async function writeIpForwarding(netns: string | undefined, value: string): Promise<void> {
  if ((await readIpForwarding(netns)) === value) return
  if (netns === undefined) await writeFile(IP_FORWARD, value)
  else await run('nsenter', [`--net=${netns}`, 'sh', '-c', `echo "$1" > ${IP_FORWARD}`, 'sh', value])
}
