import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { kernelHostname } from '../../../src/kubelet/pods/pod-hostname.ts'
import { memorySize } from '../../../src/kubelet/volumes/empty-dir.ts'
import { hostsFile } from '../../../src/kubelet/volumes/hosts-file.ts'
import { readLogEnd, readMessage } from '../../../src/kubelet/volumes/last-words.ts'
import type { Pod } from '../../../src/model/pod.ts'
import { ip } from '../../support/addresses.ts'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'

describe('/etc/hosts of a pod', () => {
  const aliases = [{ ip: ip('192.0.2.9'), hostnames: ['legacy', 'legacy.example'] }]
  const linesOf = (changes: Partial<Omit<Pod, 'name'>>) =>
    hostsFile(buildPod('web', changes), {
      podIPs: [ip('10.0.0.7'), ip('2001:db8::7')],
      clusterDomain: 'cluster.local',
      ofNode: '192.0.2.1\tnode\n',
    }).split('\n')

  test('names the pod by each of its addresses', () => {
    const lines = linesOf({})
    expect(lines[0]).toBe('# Kubernetes-managed hosts file.')
    expect(lines).toContain('127.0.0.1\tlocalhost')
    expect(lines.slice(-3)).toEqual(['10.0.0.7\tweb', '2001:db8::7\tweb', ''])
  })

  test('has the full name first where the pod has a subdomain', () => {
    expect(linesOf({ hostname: 'db-0', subdomain: 'db' })).toContain(
      '10.0.0.7\tdb-0.db.default.svc.cluster.local\tdb-0',
    )
  })

  test('has the aliases last', () => {
    expect(linesOf({ hostAliases: aliases }).slice(-4)).toEqual([
      '',
      '# Entries added by HostAliases.',
      '192.0.2.9\tlegacy\tlegacy.example',
      '',
    ])
  })

  test('is that of the node in its network, with the aliases of the pod', () => {
    expect(linesOf({ hostNetwork: true, hostAliases: aliases })).toEqual([
      '# Kubernetes-managed hosts file (host network).',
      '192.0.2.1\tnode',
      '',
      '# Entries added by HostAliases.',
      '192.0.2.9\tlegacy\tlegacy.example',
      '',
    ])
  })
})

describe('the host name of a pod', () => {
  const nameOf = (changes: Partial<Omit<Pod, 'name'>>) =>
    kernelHostname(buildPod('web', changes), 'cluster.local')
  const full = { setHostnameAsFqdn: true, subdomain: 'db' }

  test('is the full one where the pod wants that and has one', () => {
    expect(nameOf({ subdomain: 'db' })).toBe('web')
    expect(nameOf({ setHostnameAsFqdn: true })).toBe('web')
    expect(nameOf(full)).toBe('web.db.default.svc.cluster.local')
  })

  test('is refused where the kernel could not hold it', () => {
    const rest = '.db.default.svc.cluster.local'.length
    const longest = 'a'.repeat(64 - rest)
    expect(nameOf({ ...full, hostname: longest })).toHaveLength(64)
    expect(() => nameOf({ ...full, hostname: `${longest}a` })).toThrow(
      'is too long (64 characters is the max, 65 characters requested)',
    )
  })
})

describe('the last words of a container', () => {
  let folder: string
  let file: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hw-'))
    file = join(folder, 'words')
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))
  const logged = (text: string, tag = 'F') => `2026-01-01T00:00:00.000000000Z stderr ${tag} ${text}\n`

  test('are nothing where there is no file', async () => {
    expect(await readMessage(file)).toBe('')
    expect(await readLogEnd(file)).toBe('')
  })

  test('are the first 4096 bytes of its file', async () => {
    await writeFile(file, `${'a'.repeat(4096)}b`)
    expect(await readMessage(file)).toBe('a'.repeat(4096))
  })

  test('are what it logged, pieces of a line joined', async () => {
    await writeFile(file, logged('one ', 'P') + logged('line') + logged('') + logged('  two'))
    expect(await readLogEnd(file)).toBe('one line\n\n  two\n')
  })

  test('are the last 80 lines of its log', async () => {
    const lines = Array.from({ length: 100 }, (_, index) => `${index}`)
    await writeFile(file, lines.map((line) => logged(line)).join(''))
    expect(await readLogEnd(file)).toBe(`${lines.slice(20).join('\n')}\n`)
  })

  test('are the last 2048 bytes of its log', async () => {
    await writeFile(file, logged('a'.repeat(16_384)) + logged('b'.repeat(16_384)))
    expect(await readLogEnd(file)).toBe(`${'b'.repeat(2_047)}\n`)
  })
})

describe('an emptyDir in memory can hold', () => {
  const limited = (name: string, memoryBytes: number | undefined) =>
    buildContainer({ name, limits: { cpuMilli: undefined, memoryBytes } })
  const sizeOf = (sizeBytes: number | undefined, changes: Partial<Omit<Pod, 'name'>> = {}) =>
    memorySize({ kind: 'emptyDir', medium: 'memory', sizeBytes }, buildPod('web', changes), 1_000)
  const two = { containers: [limited('a', 100), limited('b', 200)] }

  test.each([
    ['what its limit says', sizeOf(50, two), 50],
    ['what the containers together may use', sizeOf(undefined, two), 300],
    ['what they may use, where its limit is more', sizeOf(400, two), 300],
    [
      'what an init container may use, where that is more',
      sizeOf(undefined, { ...two, initContainers: [limited('i', 500)] }),
      500,
    ],
    [
      'what the node has, where a container has no limit',
      sizeOf(undefined, { containers: [limited('a', undefined)] }),
      1_000,
    ],
    ['what the node has, where its limit is more', sizeOf(2_000), 1_000],
  ])('%s', (_, size, expected) => {
    expect(size).toBe(expected)
  })
})
