import { readFile, stat } from 'node:fs/promises'
import { type Cidr, cidrContains, formatCidr, parseCidr } from '../../util/address.ts'
import type { UpConfig } from './up-config.ts'

/** Something that keeps a node from running here, and what to do about it. */
export interface Obstacle {
  readonly reason: string
  readonly remedy: string
}

/**
 * What can be seen at once, before anything is made: all of it, so that one run is enough to hear everything. The
 * runtime's programs and the kernel's nf_tables are looked at by those who use them.
 */
export async function findObstacles(config: UpConfig): Promise<readonly Obstacle[]> {
  const obstacles: Obstacle[] = []
  if (process.platform !== 'linux')
    obstacles.push({
      reason: `Hawser runs on Linux, not on ${process.platform}`,
      remedy: 'use a Linux machine',
    })
  if (process.getuid?.() !== 0)
    obstacles.push({ reason: 'a node that runs pods needs root', remedy: 'run it with sudo' })
  const folder = await stat(config.folder).catch(() => undefined)
  if (folder === undefined)
    obstacles.push({ reason: `there is no folder ${config.folder}`, remedy: 'make it, or name another' })
  else if (!folder.isDirectory())
    obstacles.push({ reason: `${config.folder} is no folder`, remedy: 'name the folder that the file is in' })
  for (const range of config.serviceCidrs) {
    if (overlap(range, config.podCidr))
      obstacles.push({
        reason: `cluster IPs (${formatCidr(range)}) and pods (${formatCidr(config.podCidr)}) overlap`,
        remedy: 'change --service-cluster-ip-range or --cluster-cidr',
      })
  }
  return obstacles
}

/** One of two CIDRs that overlap holds the other's first address. */
const overlap = (a: Cidr, b: Cidr): boolean => cidrContains(a, b.address) || cidrContains(b, a.address)

/**
 * Whether this machine has a route for a cluster IP: the kernel looks for one before it translates what a local
 * process sends, and without any, `curl` of a cluster IP fails with "network is unreachable".
 */
export async function hasRouteTo(range: Cidr): Promise<boolean> {
  if (range.family === 'IPv6') return true
  const [, ...lines] = (await readFile('/proc/self/net/route', 'utf8')).trim().split('\n')
  return lines.some((line) => {
    const [, destination = '', , , , , , mask = ''] = line.split('\t')
    const route = parseCidr(`${fromHex(destination)}/${prefixOf(mask)}`)
    return route !== undefined && cidrContains(route, range.address)
  })
}

/** proc_pid_net(5) writes addresses as a host-endian 32-bit number: little-endian on every machine we run on. */
const fromHex = (hex: string): string =>
  (hex.match(/../g) ?? [])
    .toReversed()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.')

const prefixOf = (hex: string): number =>
  [...Number.parseInt(hex, 16).toString(2)].filter((bit) => bit === '1').length
