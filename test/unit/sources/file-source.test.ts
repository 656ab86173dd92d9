import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Change } from '../../../src/model/change.ts'
import { formatProblem } from '../../../src/model/problem.ts'
import { FileSource } from '../../../src/sources/files/file-source.ts'
import type { SourceUpdate } from '../../../src/sources/source-update.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { cidr } from '../../support/services.ts'

let root: string
let folder: string
let sources: FileSource[]

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hw-source-'))
  folder = join(root, 'manifests')
  sources = []
  await mkdir(folder)
  await mkdir(join(root, 'state'))
})
afterEach(async () => {
  for (const source of sources) source.close()
  await rm(root, { recursive: true, force: true })
})

/** A source, and what its listener would know after each update. */
async function open() {
  const updates: SourceUpdate[] = []
  const known = new Map<string, Change['object']>()
  const source = await FileSource.open({
    folder,
    nodeName: 'here',
    ranges: { clusterIPs: [cidr('10.96.0.0/16')], nodePorts: { first: 30_000, last: 32_767 } },
    stateDir: join(root, 'state'),
    log: silentLogger,
    onUpdate: (update) => {
      updates.push(update)
      for (const { kind, name, object } of update.changes) {
        if (object === undefined) known.delete(`${kind} ${name}`)
        else known.set(`${kind} ${name}`, object)
      }
    },
  })
  sources.push(source)
  return {
    source,
    updates,
    known,
    keys: () => [...known.keys()].sort(),
    problems: () => source.problems.map((problem) => `${problem.severity} ${formatProblem(problem)}`),
  }
}

const save = (name: string, text: string | Uint8Array): Promise<void> => writeFile(join(folder, name), text)

const configMap = (name: string, text = 'x') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {text: "${text}"}\n`
const service = (name: string, spec = '') =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec:\n  ports: [{port: 80}]\n${spec}`
const deployment = (replicas: number) =>
  `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "web:1"}]}
`

test('the whole folder is known when open resolves, in one update', async () => {
  await save('a.yaml', `${configMap('a')}---\n${service('web')}`)
  await save('b.json', JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' } }))
  await save('c.yml', deployment(2))
  await save('README.md', 'no manifest')
  await save('.hidden.yaml', configMap('hidden'))
  const { keys, updates, problems } = await open()
  expect(keys()).toEqual([
    'ConfigMap default/a',
    'ConfigMap default/b',
    expect.stringMatching(/^Pod default\/web-/),
    expect.stringMatching(/^Pod default\/web-/),
    'Service default/web',
  ])
  expect(updates).toHaveLength(1)
  expect(problems()).toEqual([])
})

test('a folder that is not there is an error', async () => {
  await rm(folder, { recursive: true })
  await expect(open()).rejects.toThrow(/ENOENT/)
})

test('new, changed and removed files are in force within a second, and only what changed is told', async () => {
  await save('a.yaml', `${configMap('a')}---\n${configMap('same')}`)
  const { keys, known, updates } = await open()

  await save('b.yaml', configMap('b'))
  await expect.poll(keys, { timeout: 1000 }).toContain('ConfigMap default/b')
  await save('a.yaml', `${configMap('a', 'changed')}---\n${configMap('same')}`)
  await expect
    .poll(() => known.get('ConfigMap default/a'), { timeout: 1000 })
    .toMatchObject({ data: new Map([['text', 'changed']]) })
  expect(updates.at(-1)?.changes.map(({ name }) => name)).toEqual(['default/a'])
  await rm(join(folder, 'a.yaml'))
  await expect.poll(keys, { timeout: 1000 }).toEqual(['ConfigMap default/b'])
})

test('a file that is renamed over another is read, as editors save', async () => {
  await save('a.yaml', configMap('a'))
  const { known } = await open()
  await save('a.yaml~', configMap('a', 'new'))
  await rename(join(folder, 'a.yaml~'), join(folder, 'a.yaml'))
  await expect
    .poll(() => known.get('ConfigMap default/a'), { timeout: 1000 })
    .toMatchObject({ data: new Map([['text', 'new']]) })
})

test('saving the same again, or only its comments, changes nothing', async () => {
  await save('a.yaml', deployment(1))
  const { updates } = await open()
  await save('a.yaml', `# a comment\n${deployment(1)}`)
  await save('b.yaml', configMap('b'))
  await expect.poll(() => updates.flatMap(({ changes }) => changes).length, { timeout: 1000 }).toBe(2)
  expect(updates.slice(1).flatMap(({ changes }) => changes.map(({ name }) => name))).toEqual(['default/b'])
})

test('scaling a Deployment leaves its first pods alone', async () => {
  await save('a.yaml', deployment(2))
  const { keys, updates } = await open()
  const before = keys()
  await save('a.yaml', deployment(3))
  await expect.poll(keys, { timeout: 1000 }).toHaveLength(3)
  expect(keys()).toEqual(expect.arrayContaining(before))
  expect(updates.at(-1)?.changes).toHaveLength(1)
})

test('a broken file is told with its line, and its last good state stays in force', async () => {
  await save('a.yaml', configMap('a'))
  const { keys, problems, updates } = await open()
  await save('a.yaml', `${configMap('a', 'new')}\nbroken: [`)
  await expect
    .poll(problems, { timeout: 1000 })
    .toEqual([expect.stringMatching(/^error a\.yaml:6:\d+: .*\(the last good state stays in force\)$/)])
  expect(keys()).toEqual(['ConfigMap default/a'])
  expect(updates.at(-1)?.changes).toEqual([])

  await save('a.yaml', configMap('b'))
  await expect.poll(problems, { timeout: 1000 }).toEqual([])
  expect(keys()).toEqual(['ConfigMap default/b'])
})

test('a bad object keeps its own last good state, and its neighbours go on', async () => {
  await save('a.yaml', `${configMap('a')}---\n${service('web')}`)
  const { known, problems } = await open()
  const before = known.get('Service default/web')
  await save('a.yaml', `${configMap('a', 'new')}---\n${service('web').replace('port: 80', 'port: eighty')}`)
  await expect
    .poll(() => known.get('ConfigMap default/a'), { timeout: 1000 })
    .toMatchObject({ data: new Map([['text', 'new']]) })
  expect(known.get('Service default/web')).toBe(before)
  expect(problems()).toEqual([
    'error a.yaml:10:12: Service default/web: spec.ports[0].port must be a number, not "eighty" (the last good state stays in force)',
  ])
})

test('a file that is not UTF-8 is an error at its line', async () => {
  await save('a.yaml', new Uint8Array([...new TextEncoder().encode('a: 1\nb: '), 0xff, 0x0a]))
  await save('b.yaml', configMap('b'))
  const { keys, problems } = await open()
  expect(problems()).toEqual(['error a.yaml:2:4: the file is not UTF-8: byte 0xff at offset 8'])
  expect(keys()).toEqual(['ConfigMap default/b'])
})

test('an unknown kind is a warning that names it', async () => {
  await save('a.yaml', 'apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x}\n')
  const { problems } = await open()
  expect(problems()).toEqual([
    'warning a.yaml:2:1: CronJob default/x: kind CronJob (batch/v1) is ignored (known: Service, Pod, ConfigMap, Secret, Deployment, EndpointSlice)',
  ])
})

test('of two objects with one name the first file has its way, and both places are named', async () => {
  await save('b.yaml', configMap('a', 'second'))
  await save('a.yaml', `---\n${configMap('a', 'first')}`)
  const { known, problems } = await open()
  expect(known.get('ConfigMap default/a')).toMatchObject({ data: new Map([['text', 'first']]) })
  expect(problems()).toEqual([
    'error b.yaml:1: ConfigMap default/a is already defined in a.yaml:2, which holds (remove or rename one of them)',
  ])
  await rm(join(folder, 'a.yaml'))
  await expect
    .poll(() => known.get('ConfigMap default/a'), { timeout: 1000 })
    .toMatchObject({ data: new Map([['text', 'second']]) })
})

test('a Service without a cluster IP gets one, and gets it again after a restart among others', async () => {
  await save('b.yaml', service('web'))
  const first = await open()
  const before = first.known.get('Service default/web')
  expect(before).toMatchObject({ clusterIPs: [expect.stringMatching(/^10\.96\./)] })
  first.source.close()
  await save('a.yaml', ['a', 'b', 'c'].map((name) => service(name)).join('---\n'))
  const second = await open()
  expect(second.known.get('Service default/web')).toEqual(before)
})

test('a Service that nothing here can serve is a warning', async () => {
  await save('a.yaml', service('web', '  clusterIP: None\n'))
  const { keys, problems } = await open()
  expect(keys()).toEqual([])
  expect(problems()).toEqual([
    expect.stringMatching(/^warning a\.yaml:1:1: Service default\/web has no effect/),
  ])
})

test('a file that is broken when the next process starts has its last good state all the same', async () => {
  await save('a.yaml', configMap('a', 'good'))
  await save('gone.yaml', configMap('gone'))
  const first = await open()
  await save('a.yaml', configMap('a', 'better'))
  await expect
    .poll(() => first.known.get('ConfigMap default/a'), { timeout: 1000 })
    .toMatchObject({ data: new Map([['text', 'better']]) })
  first.source.close()

  await save('a.yaml', 'broken: [')
  await rm(join(folder, 'gone.yaml'))
  const second = await open()
  expect(second.keys()).toEqual(['ConfigMap default/a'])
  expect(second.known.get('ConfigMap default/a')).toMatchObject({ data: new Map([['text', 'better']]) })
  expect(second.problems()).toEqual([
    expect.stringMatching(/^error a\.yaml:\d+:\d+: .*\(the last good state stays in force\)$/),
  ])
})

test('a Service that asks for the address of another keeps the one it had', async () => {
  await save('a.yaml', service('a', '  clusterIP: 10.96.0.9\n'))
  await save('b.yaml', service('b'))
  const { known, problems } = await open()
  const before = known.get('Service default/b')
  await save('b.yaml', service('b', '  clusterIP: 10.96.0.9\n'))
  await expect
    .poll(problems, { timeout: 1000 })
    .toEqual([
      expect.stringMatching(/^error b\.yaml:1: Service default\/b: the cluster IP 10\.96\.0\.9 belongs to/),
    ])
  expect(known.get('Service default/b')).toEqual(before)
})

test('a folder that goes keeps its last state, and is watched again when it comes back', async () => {
  await save('a.yaml', configMap('a'))
  const { keys, problems } = await open()
  await rm(folder, { recursive: true })
  await expect.poll(problems, { timeout: 3000 }).toEqual([expect.stringMatching(/the folder cannot be read/)])
  expect(keys()).toEqual(['ConfigMap default/a'])
  await mkdir(folder)
  await save('b.yaml', configMap('b'))
  await expect.poll(keys, { timeout: 3000 }).toEqual(['ConfigMap default/b'])
  await save('c.yaml', configMap('c'))
  await expect.poll(keys, { timeout: 1000 }).toContain('ConfigMap default/c')
  expect(problems()).toEqual([])
})
