import { CommandError } from '../src/cli/command-error.ts'
import { EXAMPLE, type LocalCluster } from './local-cluster.ts'

/** What examples/hello is when it runs. */
export interface Example {
  /** Of Service `web`. */
  readonly clusterIP: string
  /** Of Service `web-public`, on the node's own address. */
  readonly nodePort: number
  /** The same on loopback of this machine. */
  readonly localPort: number
}

/** How many pods the example's Deployment asks for. */
export const REPLICAS = 3

/** Applies examples/hello as anybody would; resolves when its pods are ready. Throws a CommandError when they are not. */
export async function deployExample(
  cluster: LocalCluster,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Example> {
  await cluster.kubectl('apply', `--filename=${EXAMPLE}`)
  signal.throwIfAborted()
  const timeout = `--timeout=${timeoutMs / 1000}s`
  try {
    await Promise.all([
      cluster.kubectl('rollout', 'status', 'deployment/web', timeout),
      cluster.kubectl('wait', '--for=condition=Ready', 'pod/client', timeout),
    ])
  } catch (error) {
    signal.throwIfAborted()
    throw await notReady(cluster, timeoutMs, error)
  }
  const clusterIP = await field(cluster, 'service/web', '{.spec.clusterIP}')
  const nodePort = Number(await field(cluster, 'service/web-public', '{.spec.ports[0].nodePort}'))
  signal.throwIfAborted()
  return { clusterIP, nodePort, localPort: await cluster.expose(nodePort) }
}

/** One field of an object, as kubectl's jsonpath names it. */
const field = (cluster: LocalCluster, object: string, path: string): Promise<string> =>
  cluster.kubectl('get', object, `--output=jsonpath=${path}`)

async function notReady(cluster: LocalCluster, timeoutMs: number, cause: unknown): Promise<CommandError> {
  const pods = await cluster.kubectl('get', 'pods')
  return new CommandError(
    'EXAMPLE_NOT_READY',
    `examples/hello is not ready after ${timeoutMs / 1000} s:\n${pods}\nThe node's last words:\n${await cluster.node.lastWords()}\n`,
    { remedy: 'give it longer with --timeout', cause },
  )
}
