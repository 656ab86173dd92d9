import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestCluster } from '../../test/cluster/harness/test-cluster.ts'
import { BenchError } from '../error.ts'
import { packageRoot } from '../package-root.ts'
import type { RunningProxy } from './measure.ts'
import { NODE_NAME, POD_RANGE } from './objects.ts'

export interface HawserOptions {
  /** `--proxy-mode` */
  readonly mode: string
  /** Folder for a V8 profile of the whole run; none is made without it, since making it costs time. */
  readonly profile: string | undefined
}

/** How long it may take to write a profile when it ends. */
const GRACE_MS = 30_000

/** Starts `hawser proxy` as operators do, in a namespace that reaches the cluster's API server. */
export function startHawser(
  { mode, profile }: HawserOptions,
  cluster: TestCluster,
  netns: string,
): RunningProxy {
  const folder = join(cluster.place.folder, `hawser-${mode}`)
  mkdirSync(folder, { recursive: true })
  const node = [
    process.execPath,
    ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
  ]
  const flags = [
    `--kubeconfig=${cluster.kubeconfig}`,
    `--hostname-override=${NODE_NAME}`,
    `--proxy-mode=${mode}`,
    `--cluster-cidr=${POD_RANGE}`,
    `--state-dir=${join(folder, 'state')}`,
    // The limits of conntrack belong to the host's namespace.
    '--conntrack-max-per-core=0',
    '--healthz-bind-address=127.0.0.1:10256',
    '--metrics-bind-address=127.0.0.1:10249',
  ]
  const main = join(packageRoot, 'dist', 'src', 'cli', 'main.js')
  const logFile = join(folder, 'log')
  const log = openSync(logFile, 'a')
  const command = [`--net=${netns}`, 'setpriv', '--pdeathsig', 'KILL', '--', ...node, main, 'proxy', ...flags]
  const child = spawn('nsenter', command, { stdio: ['ignore', log, log] })
  closeSync(log)
  const ended = once(child, 'exit')
    .then(() => readFile(logFile, 'utf8'))
    .then((text) => text.slice(-2_000))
  const { pid } = child
  if (pid === undefined) throw new BenchError('BENCH_FAILED', 'hawser proxy could not be started')
  return {
    pid,
    ended,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
      await ended
      clearTimeout(kill)
    },
  }
}
