import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { checkIdentity } from '../../../src/cli/kubelet/check-identity.ts'

let folder: string
const complaints = vi.spyOn(process.stderr, 'write').mockReturnValue(true)

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hw-identity-'))
})
afterEach(() => complaints.mockClear())
afterAll(() => {
  complaints.mockRestore()
  rmSync(folder, { recursive: true })
})

/** Path of a certificate that signs itself. */
function certificate(subject: string): string {
  const path = join(folder, `${subject.replaceAll(/\W/g, '-')}.crt`)
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${path}.key`]
  execFileSync('openssl', ['req', '-x509', '-subj', subject, '-out', path, ...made], {
    stdio: 'ignore',
  })
  return path
}

it("the certificate of another node is told before the API server refuses it; the node's own and an administrator's are not", async () => {
  const path = certificate('/O=system:nodes/CN=system:node:worker')
  await expect(checkIdentity({ kind: 'file', path }, 'other')).rejects.toMatchObject({
    code: 'NODE_NAME_MISMATCH',
    remedy: expect.stringContaining('--hostname-override worker'),
  })
  await checkIdentity({ kind: 'inline', bytes: readFileSync(path) }, 'worker')
  await checkIdentity({ kind: 'file', path: certificate('/O=system:masters/CN=admin') }, 'worker')
  expect(complaints).not.toHaveBeenCalled()
})

it('a certificate that is over is said, and may be renewed', async () => {
  const path = certificate('/CN=system:node:late')
  // As of openssl's default, a month and no more.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60 * 86_400_000 })
  try {
    await checkIdentity({ kind: 'file', path }, 'late')
  } finally {
    vi.useRealTimers()
  }
  expect(complaints).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('is over since'))
})

it('a token, or a file that is no certificate, is for the API client to judge', async () => {
  await checkIdentity(undefined, 'worker')
  await checkIdentity({ kind: 'file', path: '/nowhere' }, 'worker')
  await checkIdentity({ kind: 'inline', bytes: Buffer.from('none') }, 'worker')
  expect(complaints).not.toHaveBeenCalled()
})
