import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { CertificateAuthority } from '../../../cluster/harness/certificates.ts'
import { eventually } from '../../../support/eventually.ts'
import { ServedNode } from './served.ts'

let node: ServedNode
let next: CertificateAuthority

beforeEach(async () => {
  node = await ServedNode.start()
  const elsewhere = join(node.folder, 'elsewhere')
  await mkdir(elsewhere)
  next = await CertificateAuthority.create(elsewhere)
})

afterEach(() => node?.dispose())

/** The name in the certificate that the server shows now. */
const shown = (): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket: TLSSocket = connect(
      { port: node.port, host: '127.0.0.1', rejectUnauthorized: false },
      () => {
        resolve(String(socket.getPeerCertificate().subject.CN))
        socket.destroy()
      },
    )
    socket.once('error', reject)
  })

const shows = (name: string) => eventually(async () => (await shown()) === name || undefined)

it('a replaced certificate is shown to the next client', async () => {
  expect(await shown()).toBe('node')
  const { cert, key } = await node.authority.server('renewed', ['IP:127.0.0.1'])
  node.material = { ...node.material, cert: readFileSync(cert), key: readFileSync(key) }
  await shows('renewed')
})

it('a certificate without its key changes nothing, until the key is there', async () => {
  const { cert, key } = await node.authority.server('renewed', ['IP:127.0.0.1'])
  node.material = { ...node.material, cert: readFileSync(cert) }
  const seen = node.reads
  await eventually(() => node.reads > seen + 1 || undefined)
  expect(await shown()).toBe('node')
  node.material = { ...node.material, cert: readFileSync(cert), key: readFileSync(key) }
  await shows('renewed')
})

it('a replaced authority holds for connections that are there, too', async () => {
  const [before, after] = [await node.authority.client('admin-old'), await next.client('admin-new')]
  const status = async (certificate: typeof before) =>
    (await node.ask('GET', '/healthz', { certificate })).status
  expect([await status(before), await status(after)]).toEqual([200, 401])
  node.material = { ...node.material, ca: readFileSync(next.cert) }
  await eventually(async () => ((await status(after)) === 200 && (await status(before)) === 401) || undefined)
})
