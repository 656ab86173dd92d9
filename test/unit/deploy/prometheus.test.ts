import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { ConntrackMetrics } from '../../../src/dataplane/conntrack/metrics.ts'
import { HealthMetrics } from '../../../src/dataplane/health-metrics.ts'
import { DataplaneMetrics } from '../../../src/dataplane/metrics.ts'
import { NetlinkMetrics } from '../../../src/dataplane/netlink-metrics.ts'
import { RestClientMetrics } from '../../../src/kube/metrics.ts'
import { createRegistry } from '../../../src/metrics/registry.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}

interface Panel {
  readonly title: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string }[]
}

const file = (name: string): Promise<string> =>
  readFile(new URL(`../../../deploy/prometheus/${name}`, import.meta.url), 'utf8')

const rules = async (): Promise<readonly Rule[]> =>
  parse(await file('alerts.yaml')).groups.flatMap((group: { rules: readonly Rule[] }) => group.rules)

const panels = async (): Promise<readonly Panel[]> => JSON.parse(await file('dashboard.json')).panels

/** Every series that `hawser proxy` has, by name; those of Prometheus itself too. */
async function series(): Promise<ReadonlySet<string>> {
  const registry = createRegistry('1')
  new DataplaneMetrics(registry)
  new HealthMetrics(registry)
  new NetlinkMetrics(registry)
  new RestClientMetrics(registry)
  new ConntrackMetrics({ registry, limits: { services: 1, endpoints: 1 } })
  const names = (await registry.getMetricsAsJSON()).flatMap(({ name, type }) =>
    String(type) === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  )
  return new Set([...names, 'up'])
}

/** What a PromQL expression reads: names that are neither functions, labels, strings nor words of the language. */
function metricsIn(expr: string): readonly string[] {
  const bare = expr
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, '')
    .replace(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, '')
  const words = bare.match(/[a-zA-Z_:][\w:]*(?!\w*\s*\()/g) ?? []
  return words.filter((word) => !/^(?:and|or|unless|bool|offset|by)$/.test(word))
}

it('finds the metrics of an expression', () => {
  const expr = 'histogram_quantile(0.99, sum by (node, le) (rate(a_bucket{x=~"y|z"}[10m]))) / b{c="d"} > 1000'
  expect(metricsIn(expr)).toEqual(['a_bucket', 'b'])
})

it('alerts ask for metrics that are there', async () => {
  const known = await series()
  const asked = (await rules()).flatMap(({ alert, expr }) => metricsIn(expr).map((name) => ({ alert, name })))
  expect(asked.length).toBeGreaterThan(10)
  expect(asked.filter(({ name }) => !known.has(name))).toEqual([])
})

it('alerts say how bad it is, what it is, and what to do', async () => {
  for (const { alert, labels, annotations } of await rules()) {
    expect(alert).toMatch(/^[A-Z][A-Za-z]+$/)
    expect(['warning', 'critical']).toContain(labels.severity)
    expect(annotations.summary.length).toBeGreaterThan(10)
    expect(annotations.description.length).toBeGreaterThan(20)
  }
})

it('the dashboard shows metrics that are there', async () => {
  const known = await series()
  const shown = (await panels()).flatMap(({ title, targets = [] }) =>
    targets.flatMap(({ expr }) => metricsIn(expr).map((name) => ({ title, name }))),
  )
  expect(shown.length).toBeGreaterThan(20)
  expect(shown.filter(({ name }) => !known.has(name))).toEqual([])
})

it('the dashboard needs nobody’s data source: it asks for one', async () => {
  const dashboard = JSON.parse(await file('dashboard.json'))
  expect(dashboard.templating.list[0]).toMatchObject({ type: 'datasource', query: 'prometheus' })
  const sources = JSON.stringify(dashboard.panels).match(/"uid":"[^"]*"/g) ?? []
  expect(sources.filter((source) => !source.includes('{datasource}'))).toEqual([])
})

it('the scrape configuration makes the job that alerts and dashboard ask for', async () => {
  const { scrape_configs: jobs } = parse(await file('scrape.yaml'))
  expect(jobs.map((job: { job_name: string }) => job.job_name)).toEqual(['kube-proxy'])
  const exprs = [...(await rules()), ...(await panels()).flatMap(({ targets = [] }) => targets)]
  const named = exprs.flatMap(({ expr }) => expr.match(/job="[^"]*"/g) ?? [])
  expect(new Set(named)).toEqual(new Set(['job="kube-proxy"']))
})
