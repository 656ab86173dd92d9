import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { unmountAllUnder } from '../../src/kubelet/host/mounts.ts'
import { bindMount, mountNew, unmount } from '../../src/native/mounts.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-mounts-'))
})
afterEach(async () => {
  await unmountAllUnder(folder)
  await rm(folder, { recursive: true })
})

it('a file system is mounted with its options, shown elsewhere, and taken away', async () => {
  const [memory, shown] = [join(folder, 'memory'), join(folder, 'shown')]
  await Promise.all([memory, shown].map((path) => mkdir(path)))
  await mountNew('tmpfs', memory, 'mode=0700,size=65536')
  expect((await stat(memory)).mode & 0o777).toBe(0o700)
  await writeFile(join(memory, 'word'), 'there')
  await expect(writeFile(join(memory, 'flood'), Buffer.alloc(131_072))).rejects.toMatchObject({
    code: 'ENOSPC',
  })
  await bindMount(memory, shown)
  expect(await readFile(join(shown, 'word'), 'utf8')).toBe('there')
  await unmount(shown)
  await unmount(memory)
  await expect(readFile(join(memory, 'word'))).rejects.toMatchObject({ code: 'ENOENT' })
})

it('what the kernel refuses says what was to be mounted where, and why', async () => {
  const nowhere = join(folder, 'nowhere')
  await expect(mountNew('tmpfs', nowhere, '')).rejects.toMatchObject({
    code: 'ENOENT',
    message: `cannot mount a tmpfs at ${nowhere}: no such file or directory [ENOENT]`,
  })
  await expect(bindMount(nowhere, folder)).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(unmount(folder)).rejects.toMatchObject({ code: 'EINVAL' })
})

it('everything below a folder goes, what is mounted upon another first', async () => {
  await mountNew('tmpfs', folder, '')
  await mountNew('tmpfs', folder, '')
  await mkdir(join(folder, 'inner'))
  await mountNew('tmpfs', join(folder, 'inner'), '')
  await unmountAllUnder(folder)
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(folder)
})
