import { familyOf, parseAddress } from '../../util/address.ts'
import type { KubeProxyConfiguration } from './configuration.ts'

/** Fills in the defaults that follow from other fields (k8s.io/kubernetes/pkg/proxy/apis/config/v1alpha1). */
export function completeConfiguration(written: KubeProxyConfiguration): KubeProxyConfiguration {
  const address = parseAddress(written.bindAddress)
  const [everywhere, here] =
    address !== undefined && familyOf(address) === 'IPv6' ? ['[::]', '[::1]'] : ['0.0.0.0', '127.0.0.1']
  return {
    ...written,
    mode: written.mode === '' ? 'nftables' : written.mode,
    healthzBindAddress: written.healthzBindAddress || `${everywhere}:10256`,
    metricsBindAddress: written.metricsBindAddress || `${here}:10249`,
  }
}
