import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { archivesOf } from '../../../src/kubelet/images/private-images.ts'
import { readArchive } from './archive-content.ts'
import { folderOf, temporaryFolder } from './image-folder.ts'

const nameOf = async (archive: string) =>
  (await readArchive(archive)).descriptor.annotations['io.containerd.image.name']

it('builds every folder of images/ and takes every archive, sorted by name', async () => {
  const into = temporaryFolder()
  const directory = folderOf({
    'web.yaml': 'kind: Pod\n',
    'images/web/image.yaml': 'name: localhost/web:1\n',
    'images/client/image.yaml': 'name: localhost/client:1\n',
    'images/bought.tar': 'as it is',
    'images/README.md': 'no image',
  })
  const archives = await archivesOf(directory, into)

  expect(archives).toEqual([
    join(directory, 'images', 'bought.tar'),
    join(into, 'client.tar'),
    join(into, 'web.tar'),
  ])
  expect(await nameOf(join(into, 'client.tar'))).toBe('localhost/client:1')
  expect(await nameOf(join(into, 'web.tar'))).toBe('localhost/web:1')
})

it('takes a folder without images/ as one that brings none', async () => {
  expect(await archivesOf(folderOf({ 'web.yaml': 'kind: Pod\n' }), temporaryFolder())).toEqual([])
})

it('names images/ when it is no folder', async () => {
  const directory = temporaryFolder()
  writeFileSync(join(directory, 'images'), '')

  await expect(archivesOf(directory, temporaryFolder())).rejects.toMatchObject({
    code: 'IMAGE_CONTENT_UNREADABLE',
    place: join(directory, 'images'),
  })
})

it('names the folder that is no image', async () => {
  const directory = temporaryFolder()
  mkdirSync(join(directory, 'images', 'empty'), { recursive: true })

  await expect(archivesOf(directory, temporaryFolder())).rejects.toThrow(
    /images\/empty\/image\.yaml: no such/,
  )
})
