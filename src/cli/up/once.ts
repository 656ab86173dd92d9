import { setTimeout as sleep } from 'node:timers/promises'
import { formatProblem } from '../../model/problem.ts'
import { CommandError } from '../command-error.ts'
import { checkServices } from './check/check-services.ts'
import type { StandaloneNode } from './node.ts'
import { notReady } from './readiness.ts'

/** Longer than any server takes to start listening once its process runs. */
const longestPatienceMs = 20_000

/** How often readiness is looked at. */
const lookMs = 50

/**
 * `--once`: waits until the node is as its folder wants it, and checks every Service. Throws a CommandError that says
 * in one line what is wrong.
 */
export async function checkOnce(
  node: StandaloneNode,
  options: {
    readonly timeoutMs: number
    readonly say: (text: string) => void
    readonly signal: AbortSignal
  },
): Promise<void> {
  const broken = node.facts().problems.find((problem) => problem.severity === 'error')
  if (broken !== undefined) throw new CommandError('MANIFEST_BROKEN', formatProblem(broken))
  await waitUntilReady(node, options.timeoutMs, options.signal)
  options.say('All pods are ready; checking the Services')
  const failed = await checkServices(node, {
    ...options,
    patienceMs: Math.min(options.timeoutMs, longestPatienceMs),
  })
  const [first, ...others] = failed
  if (first === undefined) return
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  throw new CommandError('SERVICE_SILENT', `${first.text}${more}`)
}

async function waitUntilReady(node: StandaloneNode, timeoutMs: number, signal: AbortSignal): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; ; await sleep(lookMs, undefined, { signal })) {
    const [first, ...others] = notReady(node.facts())
    if (first === undefined) return
    if (Date.now() < deadline) continue
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`
    throw new CommandError('NODE_NOT_READY', `after ${timeoutMs / 1000} s ${first}${more}`, {
      remedy: 'give it longer with --timeout, or look at it without --once',
    })
  }
}
