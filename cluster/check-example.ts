import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandError } from '../src/cli/command-error.ts'
import { type Example, REPLICAS } from './example.ts'
import type { LocalCluster } from './local-cluster.ts'

interface CheckOptions {
  readonly timeoutMs: number
  readonly say: (text: string) => void
  readonly signal: AbortSignal
}

/** What `--once` looks at, in the words of its lines. Each rejects with what it saw instead. */
const CHECKS: readonly (readonly [what: string, check: Check])[] = [
  ['the node is Ready', nodeIsReady],
  [`${REPLICAS} pods of Deployment web are Ready`, podsAreReady],
  ['Service web answers the node from all of them', answersNode],
  ['Service web answers a pod from all of them (kubectl exec)', answersPod],
  ['the node port answers this machine from all of them', answersMachine],
  ['kubectl logs shows their requests', logsShowRequests],
  ['kubectl port-forward leads to one', forwardLeadsThere],
]

type Check = (cluster: LocalCluster, example: Example) => Promise<void>

/** Tries each check until it passes or its time is over; throws a CommandError for the first that does not. */
export async function checkExample(
  cluster: LocalCluster,
  example: Example,
  options: CheckOptions,
): Promise<void> {
  for (const [what, check] of CHECKS) {
    const failure = await retried(() => check(cluster, example), options)
    if (failure !== undefined) {
      const after = `after ${options.timeoutMs / 1000} s`
      throw new CommandError('CHECK_FAILED', `not true ${after}: ${what}: ${failure}`, {
        remedy: 'run it without --once and look with kubectl',
      })
    }
    options.say(`ok: ${what}`)
  }
}

/** Resolves to the last failure, undefined when it passed. */
async function retried(
  attempt: () => Promise<void>,
  { timeoutMs, signal }: CheckOptions,
): Promise<string | undefined> {
  for (const deadline = Date.now() + timeoutMs; ; await sleep(RETRY_MS, undefined, { signal })) {
    try {
      await within(deadline - Date.now(), attempt, signal)
      return undefined
    } catch (error) {
      signal.throwIfAborted()
      if (Date.now() > deadline) return error instanceof Error ? error.message : String(error)
    }
  }
}

const RETRY_MS = 200

/** What gets no answer at all, such as an exec that hangs, fails too; it ends with the cluster. */
async function within(ms: number, attempt: () => Promise<void>, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const limit = { signal: AbortSignal.any([signal, over.signal]) }
  const late = sleep(ms, undefined, limit).then(() => {
    throw new Error('no answer at all')
  })
  try {
    await Promise.race([attempt(), late])
  } finally {
    over.abort()
  }
}

async function nodeIsReady(cluster: LocalCluster): Promise<void> {
  await cluster.kubectl('wait', '--for=condition=Ready', `node/${cluster.node.name}`, '--timeout=1s')
}

async function podsAreReady(cluster: LocalCluster): Promise<void> {
  const ready = '{.status.readyReplicas}'
  const count = await cluster.kubectl('get', 'deployment/web', `--output=jsonpath=${ready}`)
  if (count !== String(REPLICAS)) throw new Error(`${count || 'none'} of ${REPLICAS}`)
}

function answersNode({ node }: LocalCluster, { clusterIP }: Example): Promise<void> {
  const curl = ['--silent', '--show-error', '--max-time', '5', `http://${clusterIP}`]
  return answersFromAll(() => node.exec('curl', ...curl))
}

function answersPod(cluster: LocalCluster, { clusterIP }: Example): Promise<void> {
  // Debian's busybox has a wget that crashes when it is given a time limit itself.
  const wget = ['/bin/busybox', 'timeout', '5', 'wget', '-qO-', `http://${clusterIP}`]
  return answersFromAll(() => cluster.kubectl('exec', 'client', '--', ...wget))
}

function answersMachine(_: LocalCluster, { localPort }: Example): Promise<void> {
  return answersFromAll(() => get(localPort))
}

/** The pods are chosen at random: as many requests as make it next to impossible that one of them is not met. */
const REQUESTS = 40

async function answersFromAll(ask: () => Promise<string>): Promise<void> {
  const met = new Set<string>()
  for (let i = 0; i < REQUESTS && met.size < REPLICAS; i++) met.add(podOf(await ask()))
  if (met.size < REPLICAS)
    throw new Error(`${REQUESTS} requests were answered by ${[...met].join(', ')} alone`)
}

/** The example's page: `Hello from web-577786c747-jj55h`. */
function podOf(answer: string): string {
  const name = /from (web-\S+)/.exec(answer)?.[1]
  if (name === undefined) throw new Error(`the answer is "${answer.trim()}"`)
  return name
}

async function get(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(5_000),
  })
  return response.text()
}

async function logsShowRequests(cluster: LocalCluster): Promise<void> {
  const logs = await cluster.kubectl('logs', '--selector=app=web', '--tail=-1')
  if (!logs.includes('response:200')) throw new Error(`the logs are "${logs.trim()}"`)
}

/** kubectl says which port it has taken once it listens. */
async function forwardLeadsThere({ programs, kubeconfig }: LocalCluster): Promise<void> {
  const args = [`--kubeconfig=${kubeconfig}`, 'port-forward', 'deployment/web', ':8080']
  const forward = spawn(join(programs, 'kubectl'), args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(forward, 'exit')
  try {
    for await (const line of createInterface({ input: forward.stdout })) {
      const port = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (port === undefined) continue
      podOf(await get(Number(port)))
      return
    }
    throw new Error('it ended before it listened')
  } finally {
    forward.kill('SIGKILL')
    await ended
  }
}
