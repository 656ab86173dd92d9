import type { KubeletConfig } from '../kubelet/kubelet-config.ts'
import type { ConfigurationFile } from '../proxy/configuration/configuration-file.ts'
import type { ProxyConfig } from '../proxy/proxy-config.ts'

/** What `hawser node` was asked to do. Both parts have one state folder, the kubelet's, and one name. */
export interface NodeConfig {
  readonly kubelet: KubeletConfig
  readonly proxy: ProxyConfig
  /** What `proxy` stands in, where it is a file. */
  readonly proxyFile: ConfigurationFile | undefined
}
