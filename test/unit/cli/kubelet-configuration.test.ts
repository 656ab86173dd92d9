import { expect, it } from 'vitest'
import { parseFlags } from '../../../src/cli/flags.ts'
import { effectiveConfiguration } from '../../../src/cli/kubelet/effective-configuration.ts'
import { kubeletConfig, kubeletFlags } from '../../../src/cli/kubelet/flags.ts'

function configuration(...args: readonly string[]): object {
  const parsed = parseFlags(kubeletFlags, args)
  if (parsed.kind === 'help') throw new Error('no help was asked for')
  return effectiveConfiguration(kubeletConfig(parsed.flags, '/etc/kubeconfig', false))
}

const FLAGS = [
  ...['--max-pods=20', '--cluster-dns=10.96.0.10', '--pod-manifest-path=/etc/static'],
  ...['--system-reserved=cpu=200m,memory=1Gi', '--kube-reserved=cpu=300m'],
]

it('/configz has the kubelet-to-be under the names of KubeletConfiguration, defaults included', () => {
  expect(configuration(...FLAGS)).toEqual({
    kubeletconfig: {
      staticPodPath: '/etc/static',
      podLogsDir: '/var/log/pods',
      containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
      maxPods: 20,
      registerNode: true,
      systemReserved: { cpu: '500m', memory: '1073741824', 'ephemeral-storage': '0' },
      clusterDomain: 'cluster.local',
      clusterDNS: ['10.96.0.10'],
      nodeStatusUpdateFrequency: '10s',
      nodeStatusReportFrequency: '5m0s',
      nodeLeaseDurationSeconds: 40,
      evictionPressureTransitionPeriod: '5m0s',
      kubeAPIQPS: 50,
      kubeAPIBurst: 100,
      healthzBindAddress: '127.0.0.1',
      healthzPort: 10_248,
      enableServer: true,
      address: '0.0.0.0',
      port: 10_250,
      authentication: {
        x509: {},
        webhook: { enabled: true, cacheTTL: '2m0s' },
        anonymous: { enabled: false },
      },
      authorization: {
        mode: 'Webhook',
        webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' },
      },
      logging: { format: 'json', verbosity: 0 },
    },
  })
})

it('what was not asked for is not there', () => {
  expect(configuration('--port=0', '--register-with-taints=a=b:NoSchedule')).toMatchObject({
    kubeletconfig: {
      enableServer: false,
      port: 0,
      registerWithTaints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }],
    },
  })
  expect(configuration()).not.toHaveProperty('kubeletconfig.staticPodPath')
})
