import { describe, expect, it } from 'vitest'
import { renderExplanation } from '../../../src/cli/control/render-explanation.ts'
import { renderStatus } from '../../../src/cli/control/render-status.ts'
import type { ConnectionNumbers } from '../../../src/dataplane/conntrack/connection-report.ts'
import type { Explanation } from '../../../src/dataplane/explain/explanation.ts'
import { objectName } from '../../../src/model/object-name.ts'
import { address } from '../../support/services.ts'

const NONE: ConnectionNumbers = {
  opened: 0,
  closed: 0,
  active: 0,
  unreplied: 0,
  originalBytes: 0,
  replyBytes: 0,
  originalPackets: 0,
  replyPackets: 0,
}

const explanation: Explanation = {
  question: { address: address('192.0.2.10'), port: 30080, protocol: 'TCP', from: undefined },
  frontend: {
    service: objectName('default', 'web'),
    portName: 'http',
    kind: 'NodePort',
    externalTrafficPolicy: 'Local',
    internalTrafficPolicy: 'Cluster',
    affinitySeconds: 10_800,
    sourceRanges: [],
    inForce: false,
  },
  treatments: [
    {
      clients: ['pod', 'node'],
      fate: 'balanced',
      why: '1 endpoint takes all',
      masquerade: { applies: true, why: "this node's own connections are, those of pods are not" },
      endpoints: [
        {
          address: address('10.1.2.2'),
          port: 8080,
          nodeName: 'there',
          zone: 'b',
          taken: true,
          why: 'ready',
        },
      ],
    },
    {
      clients: ['outside'],
      fate: 'dropped',
      why: 'externalTrafficPolicy is Local, and no endpoint is on this node',
      masquerade: { applies: false, why: 'nothing passes' },
      endpoints: [
        {
          address: address('10.1.2.2'),
          port: 8080,
          nodeName: 'there',
          zone: undefined,
          taken: false,
          why: 'externalTrafficPolicy is Local, and it is on node there',
        },
      ],
    },
  ],
  problems: [{ place: 'Service default/web', reason: 'it is odd', severity: 'warning' }],
  mode: 'nftables',
  kernel: { lines: ['table ip hawser', 'svcs { 192.0.2.10 . tcp . 30080 : 4857:9 }'], counts: 'none' },
  counted: {
    frontend: { ...NONE, opened: 20, active: 12, unreplied: 1 },
    endpoints: [
      {
        portName: 'http',
        protocol: 'TCP',
        endpoint: '10.1.2.2:8080',
        numbers: { ...NONE, opened: 30, active: 12 },
      },
    ],
  },
  connections: {
    listed: Array.from({ length: 12 }, (_, i) => ({
      client: `198.51.100.1:${i + 1}`,
      endpoint: '10.1.2.2:8080',
      timeoutSeconds: 60,
    })),
    total: 12,
  },
}

describe('an explanation as text', () => {
  it('says per kind of client what happens and why', () => {
    expect(renderExplanation(explanation).join('\n')).toBe(`\
192.0.2.10:30080/TCP
  NodePort of Service default/web, port http; externalTrafficPolicy Local
  a client keeps its endpoint for 10800 s (ClientIP affinity)
  NOT in the kernel as it should be: see hawser status

Connections from pods of this node and this node are balanced: 1 endpoint takes all.
  masqueraded: yes, this node's own connections are, those of pods are not
  ENDPOINT  ADDRESS        NODE   ZONE  WHY
  taken     10.1.2.2:8080  there  b     ready

Connections from clients outside are dropped: externalTrafficPolicy is Local, and no endpoint is on this node.
  ENDPOINT  ADDRESS        NODE   ZONE  WHY
  refused   10.1.2.2:8080  there  -     externalTrafficPolicy is Local, and it is on node there

In the kernel; what is counted here is connections, by conntrack:
  table ip hawser
  svcs { 192.0.2.10 . tcp . 30080 : 4857:9 }

Counted since the daemon began: 20 opened, 12 active, 1 ended without an answer
  10.1.2.2:8080, of all its frontends: 30 opened, 12 active, 0 ended without an answer
Live connections:
${Array.from({ length: 10 }, (_, i) => `  198.51.100.1:${i + 1} -> 10.1.2.2:8080, forgotten in 60 s`).join('\n')}
  and 2 more

warning: Service default/web: it is odd`)
  })

  it('of an address of nobody is one sentence', () => {
    const lines = renderExplanation({
      question: { address: address('fd00::9'), port: 53, protocol: 'UDP', from: address('fd00::1') },
      frontend: undefined,
      treatments: [
        {
          clients: ['pod', 'node', 'outside'],
          fate: 'passed',
          why: 'no Service has fd00::9',
          masquerade: { applies: false, why: 'Hawser does not touch it' },
          endpoints: [],
        },
      ],
      problems: [],
      mode: 'nftables',
      kernel: { lines: [], counts: 'none' },
      counted: undefined,
      connections: { listed: [], total: 0 },
    })
    expect(lines).toEqual([
      '[fd00::9]:53/UDP from fd00::1',
      '',
      'Connections are not touched: no Service has fd00::9.',
    ])
  })
})

it('the status as text says families, Services, errors and problems', () => {
  const lines = renderStatus({
    pid: 7,
    families: [
      {
        family: 'IPv4',
        mode: 'nftables',
        objects: { frontends: 2, eps: 3 },
        lastSync: '2026-01-01T00:00:00.000Z',
        pendingSince: null,
        error: null,
        audit: { at: '2026-01-01T00:01:00.000Z', result: 'clean' },
        finding: {
          at: '2026-01-01T00:00:30.000Z',
          result: 'repaired',
          differences: Array.from({ length: 7 }, (_, i) => `svcs lacks ${i}`),
        },
      },
      {
        family: 'IPv6',
        mode: 'nftables',
        objects: {},
        lastSync: null,
        pendingSince: '2026-01-01T00:00:00.000Z',
        error: 'no luck',
        audit: null,
        finding: null,
      },
    ],
    services: [
      {
        service: 'default/web',
        port: '',
        kind: 'ClusterIP',
        address: 'fd00::1',
        number: 80,
        protocol: 'TCP',
        endpoints: 1,
        inForce: true,
      },
      {
        service: 'default/web',
        port: 'b',
        kind: 'NodePort',
        address: null,
        number: 30080,
        protocol: 'UDP',
        endpoints: 0,
        inForce: true,
      },
    ],
    problems: [{ place: 'web.yaml:3', reason: 'it is broken', remedy: 'mend it', severity: 'error' }],
    connections: {
      notCounted: null,
      notCleaned: 'EPERM',
      engine: 'ebpf',
      countsBytes: false,
      lostEvents: 3,
      resyncs: 2,
      staleDeleted: 9,
    },
  })
  expect(lines.join('\n')).toBe(`\
hawser, process 7

FAMILY  MODE      LAST SYNC                 STATE    LAST AUDIT                         IN THE KERNEL
IPv4    nftables  2026-01-01T00:00:00.000Z  in sync  clean at 2026-01-01T00:01:00.000Z  2 frontends, 3 eps
IPv6    nftables  never                     failing  none yet

Connections are counted inside of the kernel, their bytes are not (net.netfilter.nf_conntrack_acct is 0): 3 events lost, counted anew 2 times
Stale connections are NOT deleted: EPERM

SERVICE      PORT  KIND       ADDRESS           ENDPOINTS  STATE
default/web  -     ClusterIP  [fd00::1]:80/TCP  1          answers
default/web  b     NodePort   node:30080/UDP    0          no endpoints

audit: IPv4: repaired at 2026-01-01T00:00:30.000Z, somebody else changed our objects:
  svcs lacks 0
  svcs lacks 1
  svcs lacks 2
  svcs lacks 3
  svcs lacks 4
  and 2 more
error: IPv6: no luck
error: web.yaml:3: it is broken (mend it)`)
})
