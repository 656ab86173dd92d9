import * as v from 'valibot'
import { parseAddress, parseCidr } from '../../util/address.ts'
import { parseBindAddress } from '../bind-address.ts'
import { parseCidrPair } from '../cidr-pair.ts'
import { formatDuration, parseDuration } from '../duration.ts'
import { parseNodePortAddresses } from '../node-port-addresses.ts'

/**
 * Kinds of fields of KubeProxyConfiguration. As in Go, null, nothing and the empty value are one; a value stays in the
 * words in which it is written, so that the configuration in force can be shown and saved as it is.
 */

export const text = v.nullish(v.string(), '')

export const flag = (fallback = false) => v.nullish(v.boolean(), fallback)

/** A text that `parse` understands, or none. */
const readable = (parse: (text: string) => unknown, must: string, fallback = '') =>
  v.pipe(
    v.nullish(
      v.pipe(
        v.string(),
        v.check((value) => value === '' || parse(value) !== undefined, must),
      ),
      '',
    ),
    v.transform((value) => (value === '' ? fallback : value)),
  )

const writtenDuration = v.pipe(
  v.string(),
  v.check(
    (value) => parseDuration(value) !== undefined,
    'must be a duration of 0 or more, such as 500ms, 30s or 1h2m3s',
  ),
  v.transform((value) => formatDuration(parseDuration(value) ?? 0)),
)

/** One of Go's durations, as Go writes it; 0 stands for the fallback. */
export const duration = (fallback = '0s') =>
  v.pipe(
    v.nullish(writtenDuration, '0s'),
    v.transform((value) => (value === '0s' ? fallback : value)),
  )

/** As `duration`, but 0 is a value of its own. */
export const optionalDuration = (fallback: string) => v.nullish(writtenDuration, fallback)

export const whole = (fallback: number, least: number, most: number) => {
  const must = `must be a whole number from ${least} to ${most}`
  return v.nullish(
    v.pipe(v.number(), v.integer(must), v.minValue(least, must), v.maxValue(most, must)),
    fallback,
  )
}

export const address = readable(parseAddress, 'must be an IP address', '0.0.0.0')

/** kube-proxy takes an address alone too, with the port that the server always has. */
export const bindAddress = (port: number) =>
  v.pipe(
    v.nullish(
      v.pipe(
        v.string(),
        v.check(
          (value) => value === '' || parseBindAddress(withPort(value, port)) !== undefined,
          `must be an address and a port, such as 127.0.0.1:${port} or [::1]:${port}`,
        ),
      ),
      '',
    ),
    v.transform((value) => (value === '' ? '' : withPort(value, port))),
  )

function withPort(text: string, port: number): string {
  if (parseAddress(text) === undefined) return text
  return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`
}

export const cidrPair = readable(
  parseCidrPair,
  'must be a CIDR such as 10.244.0.0/16, or one of each family joined by a comma',
)

const list = (is: (text: string) => boolean, must: string) =>
  v.nullish(v.array(v.pipe(v.string(), v.check(is, must))), [])

export const cidrList = list((value) => parseCidr(value) !== undefined, 'must be a CIDR such as 192.0.2.0/24')

export const nodePortAddresses = list(
  (value) => parseNodePortAddresses([value]) !== undefined,
  'must be a CIDR, or primary, localhost or all',
)
