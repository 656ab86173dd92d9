import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { der, integer, objectIdentifier, time } from '../../../../src/kubelet/server/certificate/der.ts'
import { ownCertificate } from '../../../../src/kubelet/server/certificate/own-certificate.ts'
import { TlsSource } from '../../../../src/kubelet/server/certificate/tls-material.ts'
import { address } from '../../../support/services.ts'

const openssl = async (...args: readonly string[]): Promise<string> =>
  (await promisify(execFile)('openssl', args)).stdout

const DAY_MS = 86_400_000
const NOW = Date.now()
const NAMES = { nodeName: 'node-1', addresses: [address('192.0.2.7'), address('2001:db8::7')] }

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

describe('DER', () => {
  it.each([
    [integer(Buffer.from([0])), '020100'],
    [integer(Buffer.from([0, 0, 0x7f])), '02017f'],
    [integer(Buffer.from([0x80])), '02020080'],
    [objectIdentifier('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
    [time(Date.parse('2049-12-31T23:59:59.999Z')), `170d${Buffer.from('491231235959Z').toString('hex')}`],
    [time(Date.parse('2050-01-01T00:00:00Z')), `180f${Buffer.from('20500101000000Z').toString('hex')}`],
    [der(0x04, Buffer.alloc(127)).subarray(0, 2), '047f'],
    [der(0x04, Buffer.alloc(128)).subarray(0, 3), '048180'],
    [der(0x04, Buffer.alloc(65_536)).subarray(0, 5), '0483010000'],
  ])('%#', (bytes, hex) => {
    expect(bytes.toString('hex')).toBe(hex)
  })
})

describe("the node's own certificate", () => {
  it('is what openssl takes for a serving certificate of the node', async () => {
    await ownCertificate(folder, NAMES, NOW)
    const path = join(folder, 'kubelet.crt')
    const text = await openssl('x509', '-in', path, '-noout', '-text')
    expect(text).toContain('Version: 3')
    expect(text).toContain('ecdsa-with-SHA256')
    expect(text).toContain('CA:FALSE')
    expect(text).toContain('TLS Web Server Authentication')
    expect(text).toContain('DNS:node-1, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7')
    const verified = await openssl(
      'verify',
      '-x509_strict',
      '-check_ss_sig',
      '-purpose',
      'sslserver',
      '-CAfile',
      path,
      path,
    )
    expect(verified).toContain('OK')
  })

  it('is written again byte by byte as openssl would', async () => {
    const { cert } = await ownCertificate(folder, NAMES, NOW)
    const again = await openssl('x509', '-in', join(folder, 'kubelet.crt'))
    expect(again).toBe(cert)
  })

  it('is kept, its key for nobody else to read', async () => {
    const made = await ownCertificate(folder, NAMES, NOW)
    expect(await ownCertificate(folder, NAMES, NOW + DAY_MS)).toEqual(made)
    expect((await stat(join(folder, 'kubelet.key'))).mode & 0o777).toBe(0o600)
  })

  it.each([
    ['it ends within a month', NAMES, NOW + 336 * DAY_MS],
    ['the node has another address', { ...NAMES, addresses: [address('192.0.2.8')] }, NOW],
    ['the node has another name', { ...NAMES, nodeName: 'node-2' }, NOW],
    ['the clock was ahead when it was made', NAMES, NOW - 2 * DAY_MS],
  ])('is made anew when %s', async (_, names, now) => {
    const { cert } = await ownCertificate(folder, NAMES, NOW)
    const next = await ownCertificate(folder, names, now)
    expect(next.cert).not.toBe(cert)
    expect(new X509Certificate(next.cert).checkHost(names.nodeName)).toBe(names.nodeName)
  })

  it.each(['kubelet.crt', 'kubelet.key'])('is made anew when %s is gone or another one', async (file) => {
    const elsewhere = join(folder, 'elsewhere')
    const { cert } = await ownCertificate(folder, NAMES, NOW)
    await ownCertificate(elsewhere, NAMES, NOW)
    await writeFile(join(folder, file), await readFile(join(elsewhere, file)))
    const next = await ownCertificate(folder, NAMES, NOW)
    expect(next.cert).not.toBe(cert)
    await rm(join(folder, file))
    expect((await ownCertificate(folder, NAMES, NOW)).cert).not.toBe(next.cert)
  })
})

describe('what the server is made of', () => {
  it('is the same object until something of it changes', async () => {
    const ca = { kind: 'inline', bytes: Buffer.from('authority') } as const
    const source = new TlsSource({ files: undefined, clientAuthority: ca, folder, names: NAMES })
    const first = await source.read(NOW)
    expect(first.ca?.toString()).toBe('authority')
    expect(await source.read(NOW)).toBe(first)
    expect(await source.read(NOW + 336 * DAY_MS)).not.toBe(first)
  })
})
