import { type Cidr, formatCidr } from '../../util/address.ts'

export interface ContainerdConfig {
  /** Absolute folder that everything of this containerd lies in. */
  readonly folder: string
  readonly socket: string
  readonly sandboxImage: string
  readonly cniBinDir: string
  readonly snapshotter: 'overlayfs' | 'native'
}

/** containerd's configuration (version 2: understood by 1.5 to 2.x). Every path in it is below `folder`. */
export function renderContainerdConfig(config: ContainerdConfig): string {
  const quoted = (text: string) => JSON.stringify(text)
  const cri = 'plugins."io.containerd.grpc.v1.cri"'
  return `version = 2
root = ${quoted(`${config.folder}/root`)}
state = ${quoted(`${config.folder}/state`)}
# Those whose file systems or devices are not used here: they only cost time and warnings at start.
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[debug]
  level = "warn"
[grpc]
  address = ${quoted(config.socket)}
[plugins."io.containerd.internal.v1.opt"]
  path = ${quoted(`${config.folder}/opt`)}
[${cri}]
  sandbox_image = ${quoted(config.sandboxImage)}
  # Without CAP_SYS_RESOURCE a container's score may not be lower than containerd's own.
  restrict_oom_score_adj = true
  # Below our folder rather than in /run/netns: what is left of a crash is then known to be ours.
  netns_mounts_under_state_dir = true
  [${cri}.containerd]
    snapshotter = ${quoted(config.snapshotter)}
    default_runtime_name = "runc"
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [${cri}.cni]
    bin_dir = ${quoted(config.cniBinDir)}
    conf_dir = ${quoted(`${config.folder}/cni`)}
  [${cri}.registry]
    config_path = ${quoted(`${config.folder}/certs.d`)}
`
}

/**
 * The pod network: one point-to-point veth pair a pod, routed by the node. A bridge would carry traffic between two of
 * its pods past conntrack, and so past a Service's address translation, wherever br_netfilter is absent. Masquerading
 * is the dataplane's. Ports of the node that pods ask for (`hostPort`) are the portmap plugin's, where it is installed.
 */
export function renderPodNetwork(folder: string, podCidr: Cidr, hasPortmap: boolean): string {
  const network = {
    cniVersion: '0.4.0',
    name: 'hawser',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: `${folder}/ipam`,
          ranges: [[{ subnet: formatCidr(podCidr) }]],
          routes: [{ dst: podCidr.family === 'IPv4' ? '0.0.0.0/0' : '::/0' }],
        },
      },
      ...(hasPortmap ? [{ type: 'portmap', capabilities: { portMappings: true } }] : []),
    ],
  }
  return `${JSON.stringify(network, undefined, 2)}\n`
}
