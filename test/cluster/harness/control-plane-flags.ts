import { join } from 'node:path'
import type { Certificate } from './certificates.ts'
import { ISSUER } from './service-account-token.ts'

/** What the programs of a control plane are told of each other. */
export interface ControlPlane {
  readonly folder: string
  readonly ports: { readonly etcd: number; readonly etcdPeer: number; readonly server: number }
  /** Path of the authority's certificate. */
  readonly authority: string
  /** What the API server shows. */
  readonly serving: Certificate
  /** Whom kubelets know the API server as. */
  readonly kubeletClient: Certificate
  /** Paths of the key pair that service account tokens are signed with. */
  readonly tokens: { readonly private: string; readonly public: string }
  /** Path of a kubeconfig with every right. */
  readonly kubeconfig: string
  /** An address that is not loopback; undefined: the API server is on loopback alone. */
  readonly advertised: string | undefined
  /** For the API server, behind all others. */
  readonly serverFlags: readonly string[]
  /** For the controller manager. */
  readonly managerFlags: readonly string[]
}

/** Dual stack; Services are of the first family unless they ask for more. */
const SERVICE_RANGE = '10.96.0.0/16,fd00:96::/108'
export const FIRST_SERVICE_IP = '10.96.0.1'

export function etcdFlags({ folder, ports }: ControlPlane): readonly string[] {
  const client = `http://127.0.0.1:${ports.etcd}`
  const peer = `http://127.0.0.1:${ports.etcdPeer}`
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ]
}

export function apiServerFlags(plane: ControlPlane): readonly string[] {
  const { ports, authority, serving, tokens, serverFlags } = plane
  return [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    `--secure-port=${ports.server}`,
    ...apiServerPlace(plane),
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    `--tls-cert-file=${serving.cert}`,
    `--tls-private-key-file=${serving.key}`,
    `--client-ca-file=${authority}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    `--service-account-issuer=${ISSUER}`,
    `--service-account-key-file=${tokens.public}`,
    `--service-account-signing-key-file=${tokens.private}`,
    '--etcd-compaction-interval=0',
    ...serverFlags,
  ]
}

function apiServerPlace({ advertised, kubeletClient }: ControlPlane): readonly string[] {
  // It refuses to advertise loopback; nothing is ever sent to this one (RFC 5737).
  if (advertised === undefined)
    return ['--bind-address=127.0.0.1', '--advertise-address=192.0.2.1', '--endpoint-reconciler-type=none']
  return [
    '--bind-address=0.0.0.0',
    `--advertise-address=${advertised}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--kubelet-client-certificate=${kubeletClient.cert}`,
    `--kubelet-client-key=${kubeletClient.key}`,
  ]
}

export const controllerManagerFlags = ({
  kubeconfig,
  tokens,
  authority,
  managerFlags,
}: ControlPlane): readonly string[] => [
  `--kubeconfig=${kubeconfig}`,
  `--service-account-private-key-file=${tokens.private}`,
  `--root-ca-file=${authority}`,
  '--use-service-account-credentials',
  '--leader-elect=false',
  '--secure-port=0',
  ...managerFlags,
]

export const schedulerFlags = ({ kubeconfig }: ControlPlane): readonly string[] => [
  `--kubeconfig=${kubeconfig}`,
  '--leader-elect=false',
  '--secure-port=0',
]
