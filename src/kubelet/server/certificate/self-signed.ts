import { generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { addressLength, familyOf, type IpAddress, packAddress } from '../../../util/address.ts'
import {
  bitString,
  bool,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts'

/** Both in PEM. */
export interface KeyedCertificate {
  readonly cert: string
  readonly key: string
}

export interface CertificateSubject {
  readonly commonName: string
  readonly dnsNames: readonly string[]
  readonly addresses: readonly IpAddress[]
  /** ms since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
}

/** Object identifiers of RFC 5280 and RFC 5758. */
const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const

/** Bit 0 of KeyUsage, of which seven bits of the byte do not count. */
const DIGITAL_SIGNATURE = bitString(Buffer.from([0x80]), 7)

/** A new P-256 key and a serving certificate (X.509 version 3) that it signs itself. */
export async function selfSigned(subject: CertificateSubject): Promise<KeyedCertificate> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256))
  const body = certificateBody(subject, publicKey, algorithm)
  const signature = sign('sha256', body, privateKey)
  const cert = sequence(body, algorithm, bitString(signature))
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  return { cert: pem('CERTIFICATE', cert), key: key.toString() }
}

/** TBSCertificate of RFC 5280, 4.1. */
function certificateBody(subject: CertificateSubject, publicKey: KeyObject, algorithm: Buffer): Buffer {
  const name = sequence(set(sequence(objectIdentifier(OID.commonName), utf8String(subject.commonName))))
  // A positive number of at most 20 bytes that nobody can guess.
  const serial = randomBytes(16)
  return sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    name,
    sequence(time(subject.notBefore), time(subject.notAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, extensions(subject)),
  )
}

function extensions({ dnsNames, addresses }: CertificateSubject): Buffer {
  const names = [
    ...dnsNames.map((name) => implicit(2, Buffer.from(name, 'latin1'))),
    ...addresses.map((address) => implicit(7, addressBytes(address))),
  ]
  return sequence(
    extension(OID.keyUsage, true, DIGITAL_SIGNATURE),
    extension(OID.extendedKeyUsage, false, sequence(objectIdentifier(OID.serverAuth))),
    // An empty one: no authority.
    extension(OID.basicConstraints, true, sequence()),
    extension(OID.subjectAltName, false, sequence(...names)),
  )
}

const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  sequence(objectIdentifier(id), ...(critical ? [bool(true)] : []), octetString(value))

function addressBytes(address: IpAddress): Buffer {
  const bytes = Buffer.alloc(addressLength(familyOf(address)))
  packAddress(address, bytes, 0)
  return bytes
}

/** RFC 7468. */
const pem = (label: string, bytes: Buffer): string =>
  `-----BEGIN ${label}-----\n${bytes.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`
