import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { IpAddress } from '../../../util/address.ts'
import { type KeyedCertificate, selfSigned } from './self-signed.ts'

/** Whom a node's certificate names. */
export interface NodeNames {
  readonly nodeName: string
  readonly addresses: readonly IpAddress[]
}

const DAY_MS = 86_400_000
/** As the kubelet's own (client-go's `GenerateSelfSignedCertKey`). */
const LIFE_MS = 365 * DAY_MS
/** A new one is made this long before the old one ends. */
const RENEW_MS = 30 * DAY_MS
/** Whoever's clock is behind accepts it all the same. */
const EARLIER_MS = 3_600_000

/**
 * The node's own serving certificate, for where nobody has given it one: made once and kept in `folder` as `kubelet.crt`
 * and `kubelet.key`, made anew when it ends soon or the node has other names. Rejects with the file system's error.
 */
export async function ownCertificate(
  folder: string,
  names: NodeNames,
  now: number,
): Promise<KeyedCertificate> {
  const files = { cert: join(folder, 'kubelet.crt'), key: join(folder, 'kubelet.key') }
  const kept = await readPair(files)
  if (kept !== undefined && isFit(kept, names, now)) return kept
  const made = await selfSigned({
    // Unlike any that this node had before, as the kubelet's.
    commonName: `${names.nodeName}@${Math.floor(now / 1_000)}`,
    dnsNames: [names.nodeName],
    addresses: names.addresses,
    notBefore: now - EARLIER_MS,
    notAfter: now + LIFE_MS,
  })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await replace(files.key, made.key, 0o600)
  await replace(files.cert, made.cert, 0o644)
  return made
}

async function readPair(files: KeyedCertificate): Promise<KeyedCertificate | undefined> {
  try {
    const [cert, key] = await Promise.all([readFile(files.cert, 'utf8'), readFile(files.key, 'utf8')])
    return { cert, key }
  } catch {
    return undefined
  }
}

function isFit({ cert, key }: KeyedCertificate, { nodeName, addresses }: NodeNames, now: number): boolean {
  try {
    const parsed = new X509Certificate(cert)
    return (
      // A crash between the two files leaves a key without its certificate.
      parsed.checkPrivateKey(createPrivateKey(key)) &&
      parsed.checkHost(nodeName) !== undefined &&
      addresses.every((address) => parsed.checkIP(address) !== undefined) &&
      Date.parse(parsed.validFrom) <= now &&
      Date.parse(parsed.validTo) - RENEW_MS > now
    )
  } catch {
    return false
  }
}

async function replace(path: string, content: string, mode: number): Promise<void> {
  await writeFile(`${path}.new`, content, { mode })
  await rename(`${path}.new`, path)
}
