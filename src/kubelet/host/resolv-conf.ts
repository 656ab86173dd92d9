import { readFile } from 'node:fs/promises'
import type { DNSConfig } from '../../gen/runtime.ts'

const RESOLV_CONF = '/etc/resolv.conf'
/** systemd-resolved's list of the servers that it asks itself. */
const UPSTREAM = '/run/systemd/resolve/resolv.conf'

/**
 * How this machine looks up names, as its pods can too: what `file` says. Undefined: the usual one, unless its servers
 * answer on the node's loopback only (systemd-resolved), where a pod cannot reach them. Rejects when there is no `file`.
 */
export async function nodeDns(file: string | undefined): Promise<DNSConfig> {
  if (file !== undefined) return parseResolvConf(await readFile(file, 'utf8'))
  const [usual, upstream] = await Promise.all([read(RESOLV_CONF), read(UPSTREAM)])
  return !isReachable(usual) && isReachable(upstream) ? upstream : usual
}

const read = async (file: string): Promise<DNSConfig> =>
  parseResolvConf(await readFile(file, 'utf8').catch(() => ''))

const isReachable = ({ servers }: DNSConfig): boolean =>
  servers.some((server) => !/^(127\.|::1$)/.test(server))

/**
 * resolv.conf(5): of `search` the last counts, of an option too. A dot behind a domain says nothing here, and the root
 * alone is no domain to search.
 */
export function parseResolvConf(text: string): DNSConfig {
  const servers: string[] = []
  let searches: string[] = []
  const options = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [keyword = '', ...values] = line.trim().split(/\s+/)
    if (keyword === 'nameserver') servers.push(...values.slice(0, 1))
    else if (keyword === 'search')
      searches = values.filter((domain) => domain !== '.').map((domain) => domain.replace(/\.$/, ''))
    else if (keyword === 'options') for (const option of values) options.set(optionName(option), option)
  }
  return { servers, searches, options: [...options.values()] }
}

/** Of `ndots:5`, what is before the colon. */
export const optionName = (option: string): string => option.split(':', 1)[0] ?? option
