import * as v from 'valibot'

/** RFC 1123 label: 63 characters, lower case. */
export const dnsLabel = v.pipe(
  v.string(),
  v.maxLength(63, 'must have at most 63 characters'),
  v.regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be lower-case letters, digits and inner dashes'),
)

/** RFC 1123 subdomain: labels joined by dots, 253 characters in all. */
export const dnsSubdomain = v.pipe(
  v.string(),
  v.maxLength(253, 'must have at most 253 characters'),
  v.regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'must be lower-case letters, digits, inner dashes and dots',
  ),
)

/** Keys of a ConfigMap: file names, but for `.` and `..`. */
export const configMapKey = v.pipe(
  v.string(),
  v.maxLength(253, 'must have at most 253 characters'),
  v.regex(
    /^(?!\.\.?$)(?!\.\.)[-._a-zA-Z0-9]+$/,
    'must be letters, digits, dashes, dots and underscores, not beginning with ..',
  ),
)
