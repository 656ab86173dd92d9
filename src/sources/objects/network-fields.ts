import * as v from 'valibot'
import { parseAddress, parseCidr } from '../../util/address.ts'
import { parsedText } from './parse-text.ts'

const portRange = 'must be a port number from 1 to 65535'

export const portNumber = v.pipe(
  v.number(),
  v.integer(portRange),
  v.minValue(1, portRange),
  v.maxValue(65535, portRange),
)

/** IANA service name (RFC 6335 section 5.1): how a port of a container is named. */
export const portName = v.pipe(
  v.string(),
  v.regex(
    /^(?=.{1,15}$)(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    'must be a port name: at most 15 lower-case letters, digits and single inner dashes, with a letter',
  ),
)

export const protocol = v.picklist(['TCP', 'UDP', 'SCTP'])

export const ipFamily = v.picklist(['IPv4', 'IPv6'])

export const ipAddress = parsedText(parseAddress, 'must be an IP address')

/** Source ranges may have blanks around them (core/v1 validation trims them). */
export const cidr = parsedText((text) => parseCidr(text.trim()), 'must be a CIDR such as 192.0.2.0/24')
