import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { SourceUpdate } from '../../../src/sources/source-update.ts'
import { parseStaticPod } from '../../../src/sources/static/static-pod.ts'
import { StaticPodSource } from '../../../src/sources/static/static-pod-source.ts'
import { eventually } from '../../support/eventually.ts'

const NOW = Date.parse('2026-01-02T03:04:05Z')
const context = { nodeName: 'Worker-1', file: 'web.yaml', seen: '2026-01-02T03:04:05Z' }
const manifest = (name: string, image = 'localhost/web:1') => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name } },
  spec: { containers: [{ name: 'main', image }] },
})
const uidOf = (written: unknown, changes: Partial<typeof context> = {}) =>
  parseStaticPod(written, { ...context, ...changes }).value?.pod.uid

let folder: string
let source: StaticPodSource | undefined
let updates: SourceUpdate[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-static-'))
  updates = []
})
afterEach(async () => {
  source?.close()
  await rm(folder, { recursive: true, force: true })
})

const save = (name: string, content: unknown): Promise<void> =>
  writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
const open = async (from = folder): Promise<StaticPodSource> => {
  source = await StaticPodSource.open({
    ...{ folder: from, nodeName: 'worker', now: () => NOW },
    onUpdate: (update) => updates.push(update),
  })
  return source
}
const said = () =>
  updates.map(({ changes }) =>
    changes.map(({ name, object }) => `${name} ${object === undefined ? 'goes' : 'is'}`),
  )
const heard = (count: number) =>
  eventually(() => {
    if (updates.length < count) throw new Error(`${updates.length} updates`)
    return true
  })

test('a static pod has its node in its name, and says where it is from', () => {
  const { value } = parseStaticPod(manifest('web'), context)
  expect(value?.pod.name).toBe('default/web-worker-1')
  expect(value?.pod.uid).toMatch(/^[0-9a-f]{32}$/)
  expect(Object.fromEntries(value?.pod.annotations ?? [])).toEqual({
    'kubernetes.io/config.source': 'file',
    'kubernetes.io/config.seen': '2026-01-02T03:04:05Z',
    'kubernetes.io/config.hash': value?.pod.uid,
  })
  expect(value?.object.spec).toMatchObject({
    nodeName: 'Worker-1',
    tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
  })
})

test('its UID follows from what is written, where, and for whom, unless it is written itself', () => {
  const uid = uidOf(manifest('web'))
  expect(uidOf(manifest('web'), { seen: 'later' })).toBe(uid)
  const others = [
    uidOf(manifest('web', 'localhost/web:2')),
    uidOf(manifest('web'), { file: 'other.yaml' }),
    uidOf(manifest('web'), { nodeName: 'worker-2' }),
  ]
  expect(new Set([uid, ...others]).size).toBe(4)
  expect(uidOf({ ...manifest('web'), metadata: { name: 'web', uid: 'mine' } })).toBe('mine')
})

test('the pods of a folder are said at once, then what changes', async () => {
  await save('web.yaml', manifest('web'))
  await save('notes.txt', 'no manifest')
  await open()
  expect(said()).toEqual([['default/web-worker is']])
  await save('log.yaml', manifest('log'))
  await heard(2)
  await rm(join(folder, 'web.yaml'))
  await heard(3)
  expect(said().slice(1)).toEqual([['default/log-worker is'], ['default/web-worker goes']])
})

test('a file that breaks keeps its pod, and says what is wrong', async () => {
  await save('web.yaml', manifest('web'))
  const { pods } = await open()
  await save('web.yaml', '{')
  await heard(2)
  expect(source?.pods).toEqual(pods)
  expect(updates.at(-1)).toMatchObject({ changes: [], problems: [{ severity: 'error' }] })
  await save('web.yaml', { ...manifest('web'), spec: {} })
  await heard(3)
  expect(source?.pods.size).toBe(1)
  expect(updates.at(-1)?.problems.at(-1)?.reason).toMatch(/^spec.containers /)
})

test('a folder that is not there holds no pods, until it is', async () => {
  await open(join(folder, 'later'))
  expect(said()).toEqual([[]])
})
