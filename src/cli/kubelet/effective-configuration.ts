import { goDuration } from '../../kubelet/events/go-duration.ts'
import { LEASE_SECONDS } from '../../kubelet/node/lease.ts'
import { CHECK_MS, REPORT_MS } from '../../kubelet/node/node-agent.ts'
import { PRESSURE_HOLD_MS } from '../../kubelet/node/pressure.ts'
import { API_REQUESTS, type KubeletConfig } from './kubelet-config.ts'
import type { NodeApiConfig } from './server-flags.ts'

/**
 * What is in force, under the names of KubeletConfiguration (kubelet.config.k8s.io/v1beta1), as a kubelet's `/configz`
 * shows it. Fields of what this one does not do are left out, so that nobody relies on them; what is reserved for system
 * and kubelet is one amount.
 */
export function effectiveConfiguration(config: KubeletConfig): object {
  const { health, nodeApi, manifests, clusterDns, resolvConf, taints, reserved } = config
  return {
    kubeletconfig: {
      ...(manifests === undefined ? {} : { staticPodPath: manifests }),
      podLogsDir: config.logsDir,
      containerRuntimeEndpoint: config.endpoint,
      maxPods: config.maxPods,
      registerNode: true,
      ...(taints.length === 0 ? {} : { registerWithTaints: taints }),
      systemReserved: {
        cpu: `${reserved.cpuMilli}m`,
        memory: String(reserved.memoryBytes),
        'ephemeral-storage': String(reserved.storageBytes),
      },
      clusterDomain: clusterDns.domain,
      clusterDNS: clusterDns.addresses,
      ...(resolvConf === undefined ? {} : { resolvConf }),
      nodeStatusUpdateFrequency: goDuration(CHECK_MS),
      nodeStatusReportFrequency: goDuration(REPORT_MS),
      nodeLeaseDurationSeconds: LEASE_SECONDS,
      evictionPressureTransitionPeriod: goDuration(PRESSURE_HOLD_MS),
      kubeAPIQPS: API_REQUESTS.qps,
      kubeAPIBurst: API_REQUESTS.burst,
      healthzBindAddress: health?.address ?? '',
      healthzPort: health?.port ?? 0,
      ...served(nodeApi),
      logging: { format: 'json', verbosity: config.verbose ? 4 : 0 },
    },
  }
}

function served(api: NodeApiConfig | undefined): object {
  if (api === undefined) return { enableServer: false, port: 0 }
  const { bind, certificate, clientAuthority, lifetimes } = api
  return {
    enableServer: true,
    address: bind.address,
    port: bind.port,
    ...(certificate === undefined
      ? {}
      : { tlsCertFile: certificate.cert, tlsPrivateKeyFile: certificate.key }),
    authentication: {
      x509: clientAuthority === undefined ? {} : { clientCAFile: clientAuthority },
      webhook: { enabled: true, cacheTTL: goDuration(lifetimes.tokenMs) },
      anonymous: { enabled: false },
    },
    authorization: {
      mode: 'Webhook',
      webhook: {
        cacheAuthorizedTTL: goDuration(lifetimes.allowedMs),
        cacheUnauthorizedTTL: goDuration(lifetimes.deniedMs),
      },
    },
  }
}
