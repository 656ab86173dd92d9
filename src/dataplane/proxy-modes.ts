/** How Services are put into the kernel, by kube-proxy's names; the first is the default. */
export const PROXY_MODES = ['nftables', 'ipvs', 'iptables'] as const
export type ProxyMode = (typeof PROXY_MODES)[number]
