import { accessSync, constants } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { ParseArgsConfig } from 'node:util'
import { cachedClusterBinaries } from '../../test/cluster/binaries.ts'
import { BenchError } from '../error.ts'

/** How kube-proxy puts Services into the kernel; `iptables-legacy` is its mode iptables with that variant of the tool. */
export const PEER_MODES = ['nftables', 'iptables', 'iptables-legacy'] as const
export type PeerMode = (typeof PEER_MODES)[number]

/** A kube-proxy binary. */
export interface Peer {
  /** The folder that it is in, under the name `kube-proxy`. */
  readonly folder: string
}

/** Flags of a suite that has kube-proxy for a peer; it spreads them into its own. */
export const peerFlags = {
  peer: { type: 'string' },
  'peer-modes': { type: 'string' },
  'peer-changes': { type: 'string' },
  'peer-limit': { type: 'string' },
} as const satisfies ParseArgsConfig['options']

export type PeerFlags = { readonly [Name in keyof typeof peerFlags]?: string | undefined }

export const peerHelp = `  --peer kube-proxy[=PATH]  also drive a real kube-proxy on as many objects through a real API server;
                      without PATH the one that test/cluster/binaries.sh has built
  --peer-modes M[,M…] its modes: ${PEER_MODES.join(', ')} (default nftables)
  --peer-changes N    changes of one endpoint that are counted for it (default 5)
  --peer-limit N      seconds after which a peer that is not in sync fails the run (default 1200)
`

/**
 * Reads `--peer`. Undefined when none is wanted, or when it is to be the cached one and there is none: that is said.
 * Throws a BenchError `BENCH_USAGE` for another peer or for a path without a program.
 */
export async function findPeer(text: string | undefined): Promise<Peer | undefined> {
  const cached = await cachedClusterBinaries()
  if (text === undefined) {
    if (cached !== undefined)
      note(`no peer was asked for; --peer kube-proxy is ${join(cached, 'kube-proxy')}`)
    return undefined
  }
  const [name, path] = text.split(/=(.*)/)
  if (name !== 'kube-proxy') throw usage(`--peer knows kube-proxy, not "${name}"`)
  if (path === undefined || path === '') {
    if (cached !== undefined && isProgram(join(cached, 'kube-proxy'))) return { folder: cached }
    note('peer skipped: no kube-proxy has been built yet; test/cluster/binaries.sh builds one')
    return undefined
  }
  if (basename(path) !== 'kube-proxy' || !isProgram(path))
    throw usage(`--peer kube-proxy=${path} is no program of the name kube-proxy`)
  return { folder: dirname(path) }
}

/** Reads `--peer-modes`. Throws a BenchError `BENCH_USAGE` for a mode that kube-proxy does not have. */
export function parsePeerModes(text: string | undefined): readonly PeerMode[] {
  return (text ?? 'nftables').split(',').map((wanted) => {
    const mode = PEER_MODES.find((known) => known === wanted)
    if (mode === undefined) throw usage(`--peer-modes knows ${PEER_MODES.join(', ')}, not "${wanted}"`)
    return mode
  })
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const usage = (message: string): BenchError => new BenchError('BENCH_USAGE', message)

const note = (text: string): void => {
  process.stderr.write(`hawser bench: ${text}\n`)
}
