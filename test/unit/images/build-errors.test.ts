import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { buildImage } from '../../../src/kubelet/images/build.ts'
import { ImageBuildError } from '../../../src/kubelet/images/build-error.ts'
import { folderOf, temporaryFolder } from './image-folder.ts'

/** Builds where an older archive lies, and returns the error; the older archive must survive, alone. */
async function errorOf(directory: string, name?: string): Promise<ImageBuildError> {
  const out = temporaryFolder()
  const file = join(out, 'image.tar')
  writeFileSync(file, 'older')
  const error = await buildImage({ directory, file, ...(name === undefined ? {} : { name }) }).catch(
    (reason: unknown) => reason,
  )
  expect(readdirSync(out)).toEqual(['image.tar'])
  expect(readFileSync(file, 'utf8')).toBe('older')
  if (!(error instanceof ImageBuildError)) throw new Error(`expected an ImageBuildError, got ${error}`)
  return error
}

describe('a description that cannot be used', () => {
  const cases: readonly (readonly [title: string, yaml: string, line: number, reason: string])[] = [
    ['YAML that does not parse', 'name: localhost/x:1\nenv: {PATH: /bin\n', 3, 'Flow map'],
    ['an unknown key', 'name: localhost/x:1\nentrypint: [/x]\n', 2, 'entrypint'],
    ['a wrong type', 'name: localhost/x:1\ncmd: [ok, 3]\n', 2, 'cmd.1'],
    [
      'a relative path in the image',
      'name: localhost/x:1\nfiles:\n  - source: a\n    path: a\n',
      4,
      'absolute',
    ],
    ['a path that climbs', 'name: localhost/x:1\nfiles:\n  - source: a\n    path: /a/../../b\n', 4, '..'],
    ['a file without a source', 'name: localhost/x:1\nfiles:\n  - path: /a\n', 3, 'source'],
    ['a port that is none', 'name: localhost/x:1\nports:\n  - "80"\n', 3, '8080/tcp'],
    ['no content at all', '', 1, 'Object'],
    ['a name without a tag', 'user: "0"\nname: localhost/x\n', 2, '"localhost/x"'],
    ['a name without a registry', 'name: x:1\n', 1, '"x:1"'],
    ['a name in capitals', 'name: localhost/Web:1\n', 1, '"localhost/Web:1"'],
  ]
  it.each(cases)('%s is reported with its line', async (_title, yaml, line, reason) => {
    const directory = folderOf({ 'image.yaml': yaml })
    const error = await errorOf(directory)

    expect(error.code).toBe('IMAGE_DESCRIPTION_INVALID')
    expect(error.message).toContain(`${directory}/image.yaml:${line}: `)
    expect(error.message).toContain(reason)
    expect(error.message.split('\n')).toHaveLength(1)
  })

  it('is missed where there is none', async () => {
    const error = await errorOf(temporaryFolder())

    expect(error.code).toBe('IMAGE_DESCRIPTION_INVALID')
    expect(error.message).toContain('image.yaml: no such file or directory')
  })

  it('must be UTF-8', async () => {
    const directory = folderOf({})
    writeFileSync(join(directory, 'image.yaml'), Buffer.from([0x6e, 0xff, 0xfe]))

    expect((await errorOf(directory)).message).toContain('is not UTF-8')
  })

  it('needs a name from somewhere', async () => {
    expect((await errorOf(folderOf({ 'image.yaml': 'cmd: [x]\n' }))).message).toContain('says no name')
  })

  it('is overruled by a name that was given, which must be whole too', async () => {
    const directory = folderOf({ 'image.yaml': 'name: localhost/x:1\n' })

    expect((await errorOf(directory, 'web')).place).toBe('name "web"')
  })
})

describe('content that cannot be read', () => {
  const withFile = (source: string) =>
    folderOf({ 'image.yaml': `name: localhost/x:1\nfiles: [{source: ${source}, path: /a}]\n` })

  it('is named when it does not exist', async () => {
    const directory = withFile('absent')
    const error = await errorOf(directory)

    expect(error.code).toBe('IMAGE_CONTENT_UNREADABLE')
    expect(error.message).toContain(`${directory}/absent: no such file or directory`)
  })

  it('is named when it is a folder', async () => {
    const directory = withFile('folder')
    mkdirSync(join(directory, 'folder'))

    expect((await errorOf(directory)).message).toContain(`${directory}/folder: is not a regular file`)
  })

  it('is named when reading it fails half way', async () => {
    // Reading one's own memory at address 0 is an I/O error, for root too.
    const directory = withFile('memory')
    symlinkSync('/proc/self/mem', join(directory, 'memory'))
    const error = await errorOf(directory)

    expect(error.code).toBe('IMAGE_CONTENT_UNREADABLE')
    expect(error.message).toContain(`${directory}/memory: i/o error`)
  })

  it('is named when it is another size than it says', async () => {
    // The kernel says 0 for files that it makes up on reading.
    expect((await errorOf(withFile('/proc/self/status'))).message).toContain(
      '/proc/self/status: changed its size',
    )
  })

  it('is named when it is something that images do not hold', async () => {
    const directory = folderOf({ 'image.yaml': 'name: localhost/x:1\n', 'rootfs/a': '' })
    const socket = join(directory, 'rootfs', 'socket')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(socket, resolve))
    onTestFinished(() => void server.close())

    expect((await errorOf(directory)).message).toContain(
      `${socket}: is neither file, folder nor symbolic link`,
    )
  })
})

it('an archive that cannot be written is named, with its folder', async () => {
  const directory = folderOf({ 'image.yaml': 'name: localhost/x:1\n' })
  const file = join(temporaryFolder(), 'absent', 'image.tar')

  await expect(buildImage({ directory, file })).rejects.toMatchObject({
    code: 'IMAGE_ARCHIVE_UNWRITABLE',
    place: file,
  })
})
