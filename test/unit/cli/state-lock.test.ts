import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockState } from '../../../src/cli/process/state-lock.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hw-lock-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

test('a second lock on a folder is refused with the number of the process that has it, until that is released', async () => {
  const folder = join(root, 'new', 'state')
  const first = await lockState(folder)
  await expect(lockState(folder)).rejects.toMatchObject({
    code: 'STATE_LOCKED',
    message: `process ${process.pid} runs a node on ${folder}`,
  })
  await first.release()
  await (await lockState(folder)).release()
})

test('a folder that cannot be made is an error that names the flag', async () => {
  await writeFile(join(root, 'file'), '')
  await expect(lockState(join(root, 'file', 'state'))).rejects.toMatchObject({
    code: 'STATE_UNUSABLE',
    remedy: expect.stringContaining('--state-dir'),
  })
})
