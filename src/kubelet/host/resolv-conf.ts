import { readFile } from 'node:fs/promises'
import type { DNSConfig } from '../../gen/runtime.ts'

/** systemd-resolved's list of the servers that it asks itself. */
const UPSTREAM = '/run/systemd/resolve/resolv.conf'

/**
 * The name servers that pods of this node use: the node's own, unless those answer on the node's loopback only
 * (systemd-resolved), where a pod cannot reach them. Undefined without any: the runtime then copies the node's file.
 */
export async function nodeDns(): Promise<DNSConfig | undefined> {
  for (const file of ['/etc/resolv.conf', UPSTREAM]) {
    const config = parseResolvConf(await readFile(file, 'utf8').catch(() => ''))
    if (config.servers.some((server) => !/^(127\.|::1$)/.test(server))) return config
  }
  return undefined
}

/** resolv.conf(5): of `search`, the last counts. */
export function parseResolvConf(text: string): DNSConfig {
  const config: DNSConfig = { servers: [], searches: [], options: [] }
  for (const line of text.split('\n')) {
    const [keyword = '', ...values] = line.trim().split(/\s+/)
    if (keyword === 'nameserver') config.servers.push(...values.slice(0, 1))
    else if (keyword === 'search') config.searches = values
    else if (keyword === 'options') config.options.push(...values)
  }
  return config
}
