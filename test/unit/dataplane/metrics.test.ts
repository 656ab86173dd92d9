import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { DataplaneMetrics } from '../../../src/dataplane/metrics.ts'
import { NetlinkMetrics } from '../../../src/dataplane/netlink-metrics.ts'

describe('metrics of the dataplane', () => {
  it('count syncs and failures by family, and objects as they are at the scrape', async () => {
    const registry = new Registry()
    const metrics = new DataplaneMetrics(registry)
    const objects = new Map([['svcs', 1]])
    const family = metrics.family('IPv4', () => objects)
    family.attempted(true, 0.05, 'committed')
    family.attempted(false, 0.001, 'failed')
    metrics.endpointsChanged()
    objects.set('svcs', 7)
    const text = await registry.metrics()
    for (const line of [
      'kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv4"} 2',
      'kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1',
      'kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1',
      'kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv4"} 1',
      'kubeproxy_sync_proxy_rules_endpoint_changes_total 1',
      'hawser_dataplane_objects{kind="svcs",ip_family="IPv4"} 7',
    ])
      expect(text.split('\n')).toContain(line)
  })

  it('count problems with Services by how much of them is not in force', async () => {
    const registry = new Registry()
    const problem = { place: 'Service default/web', reason: 'it is odd' }
    new DataplaneMetrics(registry).followProblems(() => [{ ...problem, severity: 'warning' }])
    const lines = (await registry.metrics()).split('\n')
    expect(lines).toContain('hawser_dataplane_problems{severity="error"} 0')
    expect(lines).toContain('hawser_dataplane_problems{severity="warning"} 1')
  })

  it('count audits from zero, and time an endpoint from its change to its being in force', async () => {
    const registry = new Registry()
    const metrics = new DataplaneMetrics(registry)
    metrics.family('IPv6', () => new Map()).audited('repaired')
    metrics.programmed('IPv6', Date.now() - 3500)
    const lines = (await registry.metrics()).split('\n')
    for (const line of [
      'hawser_dataplane_audits_total{ip_family="IPv6",result="clean"} 0',
      'hawser_dataplane_audits_total{ip_family="IPv6",result="repaired"} 1',
      'kubeproxy_network_programming_duration_seconds_bucket{le="3",ip_family="IPv6"} 0',
      'kubeproxy_network_programming_duration_seconds_bucket{le="4",ip_family="IPv6"} 1',
    ])
      expect(lines).toContain(line)
  })

  it('know what is pending', async () => {
    const registry = new Registry()
    const metrics = new DataplaneMetrics(registry)
    metrics.serviceChanged()
    metrics.endpointsChanged()
    metrics.endpointsChanged()
    metrics.settle({ services: 1, endpoints: 1 })
    const lines = (await registry.metrics()).split('\n')
    expect(lines).toContain('kubeproxy_sync_proxy_rules_service_changes_pending 0')
    expect(lines).toContain('kubeproxy_sync_proxy_rules_endpoint_changes_pending 1')
  })

  it('of sockets follow their counters', async () => {
    const registry = new Registry()
    const metrics = new NetlinkMetrics(registry)
    const stats = { messages: 1, bytes: 20, syscalls: 2, received: 36, overruns: 0, errors: { ENOENT: 3 } }
    metrics.add('nftables-IPv4', () => stats)
    await registry.metrics()
    stats.messages = 5
    const lines = (await registry.metrics()).split('\n')
    expect(lines).toContain('hawser_netlink_messages_total{socket="nftables-IPv4"} 5')
    expect(lines).toContain('hawser_netlink_errors_total{socket="nftables-IPv4",code="ENOENT"} 3')
  })

  it('make room for another dataplane when closed', () => {
    const registry = new Registry()
    new DataplaneMetrics(registry).close()
    new NetlinkMetrics(registry).close()
    expect(() => [new DataplaneMetrics(registry), new NetlinkMetrics(registry)]).not.toThrow()
  })
})
