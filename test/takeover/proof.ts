import { setTimeout as sleep } from 'node:timers/promises'
import { HAWSER_MODES, type Hawser, type HawserMode } from './hawser.ts'
import { Load, type LoadFailure, type LoadTally } from './load.ts'
import type { KubeProxyMode, ProvingNode } from './node.ts'
import { onNode, outside } from './objects.ts'
import type { Random } from './random.ts'
import type { Round } from './rounds.ts'

const LOOPS = 2
const PAUSE_MS = 10

/** How long a proxy is left alone at most before something happens to it. */
const CALM_MS = 300

/** A start takes about that long until its first transaction is done. */
const START_MS = 900

/** From the first of a start's transactions to the removal of what others left. */
const TRANSACTION_MS = 50

const GAP_MS = 50

/** Of what was left behind: a mode's rules are thousands of lines. */
const MAX_SHOWN = 10

interface Step {
  readonly at: number
  readonly what: string
}

export interface Verdict {
  readonly failures: readonly string[]
  /** What was done and what clients saw, in the order in which it happened. */
  readonly story: string
}

/** Rounds on one node, one after the other, under a load that never stops. */
export class Proof {
  readonly #node: ProvingNode
  readonly #random: Random
  readonly #loads: readonly Load[]
  readonly #tallies = new Map<string, LoadTally[]>()
  #hawser: Hawser
  #steps: Step[] = []

  private constructor(node: ProvingNode, random: Random, hawser: Hawser, loads: readonly Load[]) {
    this.#node = node
    this.#random = random
    this.#hawser = hawser
    this.#loads = loads
  }

  static async begin(node: ProvingNode, random: Random): Promise<Proof> {
    const hawser = node.hawser('nftables')
    const loads: Load[] = []
    try {
      await hawser.serving()
      const pace = { loops: LOOPS, pauseMs: PAUSE_MS }
      loads.push(await Load.start(node.world.outside, { ...outside, ...pace }))
      loads.push(await Load.start(node.world.node, { ...onNode, ...pace }))
      return new Proof(node, random, hawser, loads)
    } catch (error) {
      for (const load of loads) await load.stop()
      await hawser.end('SIGKILL')
      throw error
    }
  }

  async play({ number, kind }: Round): Promise<Verdict> {
    this.#steps = []
    await this.#calm()
    switch (kind) {
      case 'control':
        await sleep(CALM_MS)
        break
      case 'restart':
        await this.#restart('SIGTERM', this.#hawser.mode)
        break
      case 'kill -9':
        await this.#busily(() => this.#restart('SIGKILL', this.#hawser.mode))
        break
      case 'kill -9 while it starts':
        await this.#killWhileItStarts()
        break
      case 'kill -9 at its first transaction':
        await this.#killAtFirstTransaction()
        break
      case 'change of mode':
        await this.#busily(() => this.#restart('SIGTERM', this.#other()))
        break
      case 'kube-proxy in mode nftables and back':
        await this.#kubeProxyAndBack('nftables')
        break
      case 'kube-proxy in mode iptables and back':
        await this.#kubeProxyAndBack('iptables')
        break
    }
    await this.#calm()
    return this.#judge(number, kind)
  }

  /** What a proxy must never do. Nothing that comes after it counts: flows that it let through without rules stay. */
  async playGap(): Promise<Verdict> {
    this.#steps = []
    await this.#restart('SIGKILL', 'nftables')
    await this.#stop('SIGKILL')
    await this.#node.world.node.exec('nft', 'delete', 'table', 'ip', 'hawser')
    await sleep(GAP_MS)
    await this.#start('nftables')
    return this.#judge(0, 'no rules for a moment')
  }

  async end(): Promise<void> {
    for (const load of this.#loads) await load.stop()
    await this.#hawser.end('SIGKILL')
  }

  /** What clients saw in all rounds, by kind. */
  summary(): string {
    const lines = [...this.#tallies].map(([kind, tallies]) => {
      const sum = (count: (tally: LoadTally) => number): string =>
        String(tallies.reduce((total, tally) => total + count(tally), 0)).padStart(8)
      const slowest = String(Math.max(...tallies.map(({ slowestMs }) => slowestMs))).padStart(8)
      const rounds = String(tallies.length / this.#loads.length).padStart(6)
      return [
        kind.padEnd(38),
        rounds,
        sum(({ connections }) => connections),
        sum(({ datagrams }) => datagrams),
        sum(({ talks }) => talks),
        sum(({ failed }) => failed),
        slowest,
      ].join(' ')
    })
    const head = ['rounds', 'connects', 'new UDP', 'held', 'failed', 'max ms']
    const title = head.map((text, index) => text.padStart(index === 0 ? 6 : 8)).join(' ')
    return [`${''.padEnd(38)} ${title}`, ...lines].join('\n')
  }

  async #restart(signal: 'SIGTERM' | 'SIGKILL', mode: HawserMode): Promise<void> {
    await this.#stop(signal)
    await this.#start(mode)
  }

  /** While the proxy, and the one that follows it, have something to commit at every moment. */
  async #busily(work: () => Promise<void>): Promise<void> {
    this.#node.pace = 'busy'
    try {
      await this.#calm()
      await work()
    } finally {
      this.#node.pace = 'calm'
    }
  }

  async #killWhileItStarts(): Promise<void> {
    await this.#stop('SIGKILL')
    const mode = this.#random.pick(HAWSER_MODES)
    this.#did(`hawser spawned in mode ${mode}`)
    this.#hawser = this.#node.hawser(mode)
    await sleep(this.#random.next() * START_MS)
    await this.#stop('SIGKILL')
    await this.#start(this.#random.pick(HAWSER_MODES))
  }

  async #killAtFirstTransaction(): Promise<void> {
    const mode = this.#other()
    await this.#stop('SIGTERM')
    const transaction = await this.#node.transaction()
    this.#did(`hawser spawned in mode ${mode}`)
    this.#hawser = this.#node.hawser(mode)
    await transaction.seen
    this.#did('somebody changed the rules')
    await sleep(this.#random.next() * TRANSACTION_MS)
    await this.#stop('SIGKILL')
    await this.#start(this.#random.pick(HAWSER_MODES))
  }

  async #kubeProxyAndBack(mode: KubeProxyMode): Promise<void> {
    // kube-proxy in mode nftables removes iptables rules of its kind before it has its own in force.
    if (mode === 'nftables' && this.#hawser.mode === 'iptables') await this.#restart('SIGTERM', 'nftables')
    this.#did(`kube-proxy starts in mode ${mode} beside hawser in mode ${this.#hawser.mode}`)
    const kubeProxy = await this.#node.kubeProxy(mode)
    this.#did('kube-proxy has its rules in the kernel')
    await this.#stop('SIGTERM')
    // The chains of mode iptables are kube-proxy's too: it has taken them over.
    if (this.#hawser.mode === 'nftables') {
      await this.#node.cleanUp('nftables')
      this.#did("hawser's rules are removed")
    }
    await this.#calm()
    const back = this.#random.pick(HAWSER_MODES)
    if (this.#random.next() < 0.5) {
      await this.#start(back)
      await kubeProxy.stop('SIGTERM')
      this.#did('kube-proxy ended behind the start')
      await this.#restart('SIGTERM', back)
    } else {
      await kubeProxy.stop('SIGTERM')
      this.#did('kube-proxy ended')
      await this.#start(back)
    }
  }

  async #start(mode: HawserMode): Promise<void> {
    this.#did(`hawser spawned in mode ${mode}`)
    this.#hawser = this.#node.hawser(mode)
    await this.#hawser.serving()
    this.#did('hawser serves')
  }

  async #stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#did(`${signal} to hawser`)
    await this.#hawser.end(signal)
    this.#did('hawser has ended')
  }

  #other(): HawserMode {
    return this.#hawser.mode === 'nftables' ? 'iptables' : 'nftables'
  }

  #calm(): Promise<unknown> {
    return sleep(this.#random.next() * CALM_MS)
  }

  #did(what: string): void {
    this.#steps.push({ at: Date.now(), what })
  }

  async #judge(number: number, kind: string): Promise<Verdict> {
    const tallies = await Promise.all(this.#loads.map((load) => load.take()))
    const leftovers = await this.#node.leftovers(this.#hawser.mode)
    this.#tallies.set(kind, [...(this.#tallies.get(kind) ?? []), ...tallies])
    const failures = tallies.flatMap((tally, index) =>
      tally.failures.map((failure) => ({
        at: failure.at,
        what: `  !! ${index === 0 ? 'outside' : 'on the node'}: ${describe(failure)}`,
      })),
    )
    const story = [...this.#steps, ...failures].sort((a, b) => a.at - b.at)
    const began = story[0]?.at ?? 0
    return {
      failures: [...failures.map(({ what }) => what), ...leftovers],
      story: [
        `round ${number}, ${kind}:`,
        ...story.map(({ at, what }) => `${String(at - began).padStart(7)} ms ${what}`),
        ...leftovers.slice(0, MAX_SHOWN).map((line) => `  !! left behind: ${line.trim()}`),
        `hawser said: ${this.#hawser.said}`,
      ].join('\n'),
    }
  }
}

function describe({ what, target, reason, ms, phase, port }: LoadFailure): string {
  const state = phase === undefined ? '' : `, ${phase}${port === undefined ? '' : ` from port ${port}`}`
  return `${what} to ${target}: ${reason} after ${ms} ms${state}`
}
