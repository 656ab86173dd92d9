import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { CommandError } from '../../../src/cli/command-error.ts'
import type { HttpServer } from '../../../src/cli/http/serve.ts'
import {
  type HealthServerOptions,
  type MetricsServerOptions,
  serveHealth,
  serveMetrics,
} from '../../../src/cli/proxy/http.ts'
import { HealthMetrics } from '../../../src/dataplane/health-metrics.ts'
import type { FamilyStatus } from '../../../src/dataplane/status.ts'
import { createRegistry } from '../../../src/metrics/registry.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { eventually } from '../../support/eventually.ts'
import { address } from '../../support/services.ts'

const LOCALHOST = address('127.0.0.1')
const binding = { hardFail: false, log: silentLogger }

const inSync: FamilyStatus = {
  family: 'IPv4',
  mode: 'nftables',
  objects: new Map(),
  lastSync: Date.now(),
  pendingSince: undefined,
  lastError: undefined,
  refused: new Map(),
  lastAudit: undefined,
  lastFinding: undefined,
}
const never: FamilyStatus = { ...inSync, lastSync: undefined }
const overdue: FamilyStatus = { ...inSync, pendingSince: Date.now() - 61_000 }

const open: HttpServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function opened(server: Promise<HttpServer | undefined>): Promise<string> {
  const made = await server
  if (made === undefined) throw new Error('nothing was served')
  open.push(made)
  return `http://${made.address}`
}

const health = (
  families: readonly FamilyStatus[],
  options: Partial<HealthServerOptions> = {},
): Promise<string> =>
  opened(
    serveHealth({
      bind: { address: LOCALHOST, port: 0 },
      proxy: { families: () => families },
      healthMetrics: new HealthMetrics(createRegistry('1')),
      isNodeEligible: () => true,
      binding,
      ...options,
    }),
  )

const metrics = (options: Partial<MetricsServerOptions> = {}): Promise<string> =>
  opened(
    serveMetrics({
      bind: { address: LOCALHOST, port: 0 },
      proxy: { families: () => [inSync] },
      registry: createRegistry('1'),
      mode: () => 'nftables',
      binding,
      ...options,
    }),
  )

async function get(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { headers: { connection: 'close' } })
  return { status: response.status, text: await response.text() }
}

describe('the health server', () => {
  it('answers with the fields of kube-proxy', async () => {
    const url = await health([inSync])
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    const answer = {
      lastUpdated: time,
      currentTime: time,
      healthy: true,
      status: { IPv4: { lastUpdated: time, healthy: true } },
    }
    expect(JSON.parse((await get(`${url}/healthz`)).text)).toEqual({ ...answer, nodeEligible: true })
    expect(JSON.parse((await get(`${url}/livez`)).text)).toEqual(answer)
  })

  it.each([
    ['in sync', inSync, true, [200, 200]],
    ['of a node that goes', inSync, false, [503, 200]],
    ['that waits for its first state', never, true, [503, 200]],
    ['that is overdue', overdue, true, [503, 503]],
  ] as const)('of a proxy %s', async (_, family, eligible, statuses) => {
    const url = await health([family], { isNodeEligible: () => eligible })
    const answers = [await get(`${url}/healthz`), await get(`${url}/livez`)]
    expect(answers.map(({ status }) => status)).toEqual(statuses)
  })

  it('counts its answers by status', async () => {
    const registry = createRegistry('1')
    const url = await health([never], { healthMetrics: new HealthMetrics(registry) })
    for (const path of ['healthz', 'livez', 'livez']) await get(`${url}/${path}`)
    const text = await registry.metrics()
    expect(text).toContain('kubeproxy_proxy_healthz_total{code="503"} 1')
    expect(text).toContain('kubeproxy_proxy_livez_total{code="200"} 2')
  })

  it('is not there without an address', async () => {
    const healthMetrics = new HealthMetrics(createRegistry('1'))
    const options = { proxy: { families: () => [] }, healthMetrics, isNodeEligible: () => true, binding }
    expect(await serveHealth({ ...options, bind: undefined })).toBeUndefined()
  })
})

describe('the metrics server', () => {
  it('shows metrics, the mode and the configuration in force', async () => {
    const url = await metrics({ configuration: () => ({ mode: 'nftables' }) })
    expect((await get(`${url}/metrics`)).text).toContain('hawser_build_info')
    expect((await get(`${url}/proxyMode`)).text).toBe('nftables')
    expect(JSON.parse((await get(`${url}/configz`)).text)).toEqual({
      'kubeproxy.config.k8s.io': { mode: 'nftables' },
    })
    expect((await get(`${url}/healthz`)).status).toBe(200)
  })

  it('has no /configz where there is no configuration to show', async () => {
    expect((await get(`${await metrics()}/configz`)).status).toBe(404)
  })

  it('says on /healthz when the rules are not in sync', async () => {
    expect((await get(`${await metrics({ proxy: { families: () => [never] } })}/healthz`)).status).toBe(503)
  })
})

describe('an address that somebody else has', () => {
  it('is served as soon as it is free', async () => {
    const holder = createServer((socket) => socket.destroy())
    const port = await portOf(holder)
    const url = await metrics({ bind: { address: LOCALHOST, port } })
    await expect(get(url)).rejects.toThrow()
    await new Promise((resolve) => holder.close(resolve))
    expect((await eventually(() => get(`${url}/proxyMode`))).text).toBe('nftables')
  })

  it('is let go of when the proxy ends before', async () => {
    const holder = createServer()
    await metrics({ bind: { address: LOCALHOST, port: await portOf(holder) } })
    await open.pop()?.close()
    await new Promise((resolve) => holder.close(resolve))
  })

  it('ends the process where a configuration asks for that', async () => {
    const holder = createServer()
    const bind = { address: LOCALHOST, port: await portOf(holder) }
    const serving = metrics({ bind, binding: { ...binding, hardFail: true } })
    await expect(serving).rejects.toThrow(CommandError)
    await new Promise((resolve) => holder.close(resolve))
  })
})

async function portOf(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, LOCALHOST, resolve))
  const at = server.address()
  if (at === null || typeof at === 'string') throw new Error('no port')
  return at.port
}
