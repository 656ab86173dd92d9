import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ExecCredentials } from '../../../src/kube/credentials/exec-credential.ts'

const apiVersion = 'client.authentication.k8s.io/v1'
let folder: string
let now: number
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-exec-'))
  now = Date.parse('2026-01-01T00:00:00Z')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A plugin that counts its runs in its token, and shows what it was told. */
async function plugin(body: string, provideClusterInfo = false): Promise<ExecCredentials> {
  const script = join(folder, 'plugin.sh')
  await writeFile(script, `cd ${folder}; echo run >> runs; n=$(wc -l < runs); ${body}\n`)
  const description = {
    apiVersion,
    command: 'sh',
    args: [script],
    env: { SAID: 'x' },
    installHint: 'install it',
  }
  const clock = { now: () => now, at: () => () => undefined }
  return new ExecCredentials(
    { ...description, provideClusterInfo },
    async () => ({ server: 'https://api.test:6443' }),
    clock,
  )
}

const printing = (status: string) =>
  `echo '{"apiVersion":"${apiVersion}","kind":"ExecCredential","status":${status}}'`
const tokenUntil = (time: string) => printing(`{"token":"t'$n'","expirationTimestamp":"${time}"}`)

describe('an exec plugin', () => {
  it('runs once for callers at the same time, and again when its credential ends', async () => {
    const credentials = await plugin(tokenUntil('2026-01-01T00:10:00Z'))
    const both = await Promise.all([credentials.credential(), credentials.credential()])
    expect(both.map((credential) => credential.token)).toEqual(['t1', 't1'])
    now += 9 * 60_000
    expect((await credentials.credential()).token).toBe('t1')
    now += 60_000
    expect((await credentials.credential()).token).toBe('t2')
  })

  it('runs again when the server has refused its credential, but not for an older one', async () => {
    const credentials = await plugin(tokenUntil('2026-01-01T00:10:00Z'))
    const first = await credentials.credential()
    credentials.refused(first)
    const second = await credentials.credential()
    credentials.refused(first)
    expect([second.token, (await credentials.credential()).token]).toEqual(['t2', 't2'])
  })

  it('is told the cluster, without a terminal', async () => {
    const credentials = await plugin(
      `printf %s "$KUBERNETES_EXEC_INFO" > info; ${printing('{"token":"t"}')}`,
      true,
    )
    await credentials.credential()
    expect(JSON.parse(await readFile(join(folder, 'info'), 'utf8'))).toEqual({
      apiVersion,
      kind: 'ExecCredential',
      spec: { interactive: false, cluster: { server: 'https://api.test:6443' } },
    })
  })

  it.each([
    ['echo "no account" >&2; exit 3', /plugin sh: no account \(install it\)/],
    ['echo nonsense', /its output is no JSON/],
    [printing('{}'), /neither a token nor a certificate/],
    [
      printing('{"token":"t","expirationTimestamp":"soon"}'),
      /status\.expirationTimestamp: must be an RFC 3339 time/,
    ],
    ['echo \'{"apiVersion":"v0","kind":"ExecCredential","status":{"token":"t"}}\'', /it speaks v0, not/],
  ])('says what went wrong: %s', async (body, message) => {
    const credentials = await plugin(body)
    await expect(credentials.credential()).rejects.toThrow(message)
  })

  it('says that the program is not there, and how to get it', async () => {
    const description = {
      apiVersion,
      command: join(folder, 'none'),
      args: [],
      env: {},
      installHint: 'install it',
    }
    const credentials = new ExecCredentials({ ...description, provideClusterInfo: false }, () => {
      throw new Error('nobody asked')
    })
    await expect(credentials.credential()).rejects.toThrow(/none: spawn .* ENOENT \(install it\)/)
  })
})
