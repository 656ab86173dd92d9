import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runInUml, UmlBootError } from '../support/uml/boot.ts'
import { ipvsKernel, runWithIpvs } from './kernel.ts'

const kernel = await ipvsKernel()

describe('the kernel that ipvs tests run in', () => {
  it('resolves the IPVS generic netlink family', async () => {
    const { stdout, status } = await runWithIpvs(['genl', 'ctrl', 'get', 'name', 'IPVS'])
    expect(status).toBe(0)
    expect(stdout).toContain('Name: IPVS')
  })

  it('hands back exit status, output and error output of the program', async () => {
    const said = await runWithIpvs(['sh', '-c', `echo "it's out"; echo err >&2; exit 7`])
    expect(said).toEqual({ status: 7, stdout: "it's out\n", stderr: 'err\n' })
  })

  it('starts a program with loopback up and no other interface of the host', async () => {
    const { stdout } = await runWithIpvs(['ip', '-br', 'link', 'show', 'up'])
    expect(stdout.trim().split('\n')).toEqual([expect.stringMatching(/^lo\s/)])
  })
})

describe.runIf(kernel !== 'host')('a User-Mode Linux kernel', () => {
  const bootError = (attempt: Promise<unknown>): Promise<unknown> =>
    attempt.then(
      () => 'no error',
      (error: unknown) => error,
    )

  it("reads the host's temporary files and leaves none there", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hw-harness-'))
    try {
      await writeFile(join(folder, 'given'), 'from the host')
      const said = await runInUml(kernel, ['sh', '-c', 'cat given; echo written >made && cat made'], {
        cwd: folder,
      })
      expect(said).toEqual({ status: 0, stdout: 'from the hostwritten\n', stderr: '' })
      expect(await readdir(folder)).toEqual(['given'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('that panics is an error with what its console said', async () => {
    const error = await bootError(runInUml(kernel, ['sh', '-c', 'echo c >/proc/sysrq-trigger']))
    expect(error).toBeInstanceOf(UmlBootError)
    expect(error).toMatchObject({ code: 'UML_NO_STATUS', message: expect.stringContaining('Call Trace') })
  })

  it('that hangs is ended at its deadline', async () => {
    const error = await bootError(runInUml(kernel, ['sleep', 'infinity'], { timeoutMs: 3_000 }))
    expect(error).toMatchObject({ code: 'UML_TIMEOUT', message: expect.stringContaining('within 3000 ms') })
  })

  it('that is not there is an error naming the file', async () => {
    const error = await bootError(runInUml('/nonexistent', ['true']))
    expect(error).toMatchObject({
      code: 'UML_NOT_STARTED',
      message: expect.stringContaining('/nonexistent/linux'),
    })
  })
})
