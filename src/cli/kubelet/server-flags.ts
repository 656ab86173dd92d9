import { resolve } from 'node:path'
import type { BindAddress } from '../../config/bind-address.ts'
import { parseDuration } from '../../config/duration.ts'
import type { ReviewLifetimes } from '../../kubelet/server/serve-kubelet.ts'
import { type IpAddress, parseAddress } from '../../util/address.ts'
import { usageError } from '../command-error.ts'
import { type FlagValues, nonEmpty, value } from '../flags.ts'

/** How the node's API is served. */
export interface NodeApiConfig {
  readonly bind: BindAddress
  /** Absolute; undefined: the node makes its own. */
  readonly certificate: { readonly cert: string; readonly key: string } | undefined
  /** Absolute; undefined: the kubeconfig's authority. */
  readonly clientAuthority: string | undefined
  readonly lifetimes: ReviewLifetimes
}

const file = (help: string, shownDefault: string) =>
  value<string | undefined>({
    ...{ metavar: 'FILE', help, shownDefault, fallback: undefined },
    parse: nonEmpty,
    must: 'a file',
  })

const duration = (help: string, shownDefault: string) =>
  value<number>({
    ...{ metavar: 'DURATION', help, shownDefault, fallback: parseDuration(shownDefault) ?? 0 },
    parse: parseDuration,
    must: 'a duration such as 30s or 5m',
  })

const [anyAddress, port] = ['0.0.0.0', 10_250]

/** The node's API: logs, exec and the like. The kubelet's own names and defaults. */
export const serverFlags = {
  address: value<IpAddress | undefined>({
    metavar: 'IP',
    help: 'Where the API of the node is served; 0.0.0.0 and :: are all addresses of both families.',
    fallback: parseAddress(anyAddress),
    shownDefault: anyAddress,
    parse: parseAddress,
    must: 'an IP address',
  }),
  port: value<number>({
    metavar: 'N',
    help: 'And at which port; 0 serves it nowhere.',
    fallback: port,
    shownDefault: String(port),
    parse: parsePort,
    must: 'a number from 0 to 65535',
  }),
  'tls-cert-file': file('Certificate of the API of the node, in PEM.', 'one that the node makes itself'),
  'tls-private-key-file': file('Its key.', 'that of its own certificate'),
  'client-ca-file': file('Who vouches for client certificates, in PEM.', "the kubeconfig's authority"),
  'authentication-token-webhook-cache-ttl': duration('How long it is remembered whose a token is.', '2m'),
  'authorization-webhook-cache-authorized-ttl': duration('How long what is allowed stays so.', '5m'),
  'authorization-webhook-cache-unauthorized-ttl': duration('How long what is denied stays so.', '30s'),
} as const

/** What the flags ask for; undefined: nothing is served. Throws a usage error when only one of two files is given. */
export function nodeApiConfig(flags: FlagValues<typeof serverFlags>): NodeApiConfig | undefined {
  const { address, port, 'tls-cert-file': cert, 'tls-private-key-file': key } = flags
  if (address === undefined || port === 0) return undefined
  if ((cert === undefined) !== (key === undefined))
    throw usageError(
      '--tls-cert-file and --tls-private-key-file belong together',
      'give both, or none for a certificate that the node makes itself',
    )
  const authority = flags['client-ca-file']
  return {
    bind: { address, port },
    certificate:
      cert === undefined || key === undefined ? undefined : { cert: resolve(cert), key: resolve(key) },
    clientAuthority: authority === undefined ? undefined : resolve(authority),
    lifetimes: {
      tokenMs: flags['authentication-token-webhook-cache-ttl'],
      allowedMs: flags['authorization-webhook-cache-authorized-ttl'],
      deniedMs: flags['authorization-webhook-cache-unauthorized-ttl'],
    },
  }
}

function parsePort(text: string): number | undefined {
  const number = Number(text)
  return /^\d{1,5}$/.test(text) && number <= 65_535 ? number : undefined
}
