import { readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { type Cidr, cidrContains, type IpAddress, type IpFamily, parseAddress } from '../util/address.ts'

/**
 * The node's own address of each family, as kube-proxy takes it for node ports ("primary"): that of the interface with
 * the default route, else the first that is not loopback, link-local or a pod's.
 */
export async function detectNodeAddresses(podCidrs: readonly Cidr[]): Promise<readonly IpAddress[]> {
  const preferred = await defaultRouteInterface()
  const found = (family: IpFamily): IpAddress | undefined => {
    const candidates = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
      (addresses ?? []).flatMap(({ address, internal, family: of }) => {
        const parsed = parseAddress(address)
        if (internal || of !== family || parsed === undefined || isLinkLocal(parsed)) return []
        return podCidrs.some((cidr) => cidrContains(cidr, parsed)) ? [] : [{ name, address: parsed }]
      }),
    )
    return (candidates.find(({ name }) => name === preferred) ?? candidates[0])?.address
  }
  return [found('IPv4'), found('IPv6')].filter((address) => address !== undefined)
}

const isLinkLocal = (address: IpAddress): boolean =>
  address.startsWith('169.254.') || /^fe[89ab]/.test(address)

/** Interface of the IPv4 route to 0.0.0.0/0 with the lowest metric (proc_pid_net(5): route). */
export async function defaultRouteInterface(): Promise<string | undefined> {
  const [, ...lines] = (await readFile('/proc/self/net/route', 'utf8')).trim().split('\n')
  const defaults = lines
    .map((line) => line.split('\t'))
    .filter((fields) => fields[1] === '00000000' && fields[7] === '00000000')
    .sort((a, b) => Number(a[6]) - Number(b[6]))
  return defaults[0]?.[0]
}
