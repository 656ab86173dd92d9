import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { addCertificateMetrics } from '../../../../src/kubelet/node/certificate-metrics.ts'
import { addNodeMetrics } from '../../../../src/kubelet/node/metrics.ts'
import type { NodeIdentity } from '../../../../src/kubelet/node/node-object.ts'

const identity: NodeIdentity = {
  ...{ name: 'worker', addresses: [], labels: new Map(), taints: [], maxPods: 110, kubeletPort: 0 },
  reserved: { cpuMilli: 0, memoryBytes: 0, storageBytes: 0 },
  kubeletVersion: 'v1.36.0+hawser.0.1.0',
  machine: {
    ...{ architecture: 'amd64', kernelVersion: '6.12.0', osImage: 'Debian' },
    ...{ machineId: 'machine-1', systemUuid: 'uuid-1', bootId: 'boot-1' },
    ...{ cpus: 4, memoryBytes: 2 ** 33, swapBytes: 0, storageBytes: 0, hugePages: [] },
  },
}

test('a node says whose metrics these are, what it has, and of which Kubernetes it is', async () => {
  const registry = new Registry()
  addNodeMetrics(registry, identity)
  const text = await registry.metrics()
  expect(text).toContain('kubelet_node_name{node="worker"} 1\n')
  const machine = '{machine_id="machine-1",system_uuid="uuid-1",boot_id="boot-1"}'
  expect(text).toContain(`machine_cpu_cores${machine} 4\n`)
  expect(text).toContain(`machine_memory_bytes${machine} 8589934592\n`)
  expect(text).toMatch(/^kubernetes_build_info\{major="1",minor="36",git_version="v1.36.0\+hawser.0.1.0",/m)
})

test('a client certificate says how long it is good for, also once it is renewed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hw-'))
  try {
    const path = join(folder, 'client.pem')
    const renew = (days: number) =>
      execFileSync(
        'openssl',
        [
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:P-256',
          '-nodes',
          '-subj',
          '/CN=x',
        ].concat(['-keyout', join(folder, 'key.pem'), '-out', path, '-days', String(days)]),
        { stdio: 'ignore' },
      )
    const registry = new Registry()
    addCertificateMetrics(registry, { kind: 'file', path })
    const days = async () => {
      const [, seconds] =
        /^kubelet_certificate_manager_client_ttl_seconds (\S+)$/m.exec(await registry.metrics()) ?? []
      return seconds === undefined ? undefined : Math.round(Number(seconds) / 86_400)
    }
    renew(10)
    expect(await days()).toBe(10)
    renew(30)
    expect(await days()).toBe(30)
    await writeFile(path, 'half a file')
    expect(await days()).toBeUndefined()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a node without a client certificate has no such metric', async () => {
  const registry = new Registry()
  addCertificateMetrics(registry, undefined)
  expect(await registry.metrics()).not.toContain('certificate')
})
