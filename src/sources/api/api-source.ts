import type { KubeClient } from '../../kube/client.ts'
import type { Collection } from '../../kube/collection.ts'
import type { KubeError } from '../../kube/error.ts'
import { objectKey } from '../../kube/kube-object.ts'
import { type ObjectChange, Reflector } from '../../kube/reflector.ts'
import type { Change } from '../../model/change.ts'
import type { EndpointSlice } from '../../model/endpoint-slice.ts'
import type { Problem } from '../../model/problem.ts'
import type { Service } from '../../model/service.ts'
import type { Cidr } from '../../util/address.ts'
import type { Backoff } from '../../util/backoff.ts'
import type { Logger } from '../../util/logger.ts'
import type { NodeFeed } from '../node-feed.ts'
import { parseEndpointSlice } from '../objects/endpoint-slice.ts'
import type { Parsed } from '../objects/parsed.ts'
import type { Reading } from '../objects/read-schema.ts'
import { parseService } from '../objects/service.ts'
import type { SourceUpdate } from '../source-update.ts'
import { endpointSlices, oneNode, serviceCidrs, services } from './collections.ts'
import { GivenNode } from './given-node.ts'
import { nameOfKey } from './name-of-key.ts'
import { ObjectProblems } from './object-problems.ts'
import { type OwnNode, parseOwnNode } from './own-node.ts'
import { parseServiceCidr } from './service-cidr.ts'

export interface ApiSourceOptions {
  readonly client: KubeClient
  /** Whose Node to follow. */
  readonly nodeName: string
  /** Undefined: nobody else in this process watches that Node. */
  readonly node?: NodeFeed | undefined
  readonly log: Logger
  /** Hears everything there is once, then what changed. Must not throw. */
  readonly onUpdate: (update: SourceUpdate) => void
  /** Hears of the own Node before the first update, then of every change; undefined: there is none. Must not throw. */
  readonly onNode?: (node: OwnNode | undefined) => void
  /**
   * Hears of the ranges of cluster IPs before the first update, then of every change. Where they are not served, or may
   * not be read, there are none, and nothing waits for them. Must not throw.
   */
  readonly onServiceCidrs?: (cidrs: readonly Cidr[]) => void
  readonly backoff?: Backoff
  /** How long a watch may be silent before it counts as dead, in ms. */
  readonly livenessMs?: number
}

/** Nobody hears of warnings here; see `ObjectProblems`. */
const FROM_SERVER: Reading = { warnsOfUnread: false }

/** Reflectors of the source, as far as they are alike. */
type Followed = Pick<Reflector<unknown>, 'synced' | 'problem' | 'close'>

/**
 * Services and EndpointSlices of an API server as a source of the model. Nothing is said before everything is known;
 * after that, what arrives in one turn of the event loop is said together. A source that has lost its server says
 * nothing, so that the last state stays in force.
 */
export class ApiSource {
  readonly #options: ApiSourceOptions
  readonly #problems = new ObjectProblems(() => this.#schedule())
  readonly #services: Reflector<Service>
  readonly #slices: Reflector<EndpointSlice>
  readonly #nodes: Followed & Pick<Reflector<OwnNode>, 'objects'>
  readonly #cidrs: Reflector<readonly Cidr[]> | undefined
  readonly #pending = new Map<string, Change>()
  #node: OwnNode | undefined
  #begun = false
  #flush: NodeJS.Immediate | undefined
  #closed = false

  constructor(options: ApiSourceOptions) {
    this.#options = options
    this.#services = this.#follow(
      services,
      (object) => parseService(object, FROM_SERVER),
      (changes) =>
        this.#take(
          changes.map(({ key, value }) => ({ kind: 'Service', name: nameOfKey(key), object: value })),
        ),
    )
    this.#slices = this.#follow(
      endpointSlices,
      (object) => parseEndpointSlice(object, FROM_SERVER),
      (changes) =>
        this.#take(
          changes.map(({ key, value }) => ({ kind: 'EndpointSlice', name: nameOfKey(key), object: value })),
        ),
    )
    const takeNode = (): void => this.#takeNode()
    this.#nodes =
      options.node === undefined
        ? this.#follow(oneNode(options.nodeName), parseOwnNode, takeNode)
        : new GivenNode(options.node, takeNode)
    if (options.onServiceCidrs !== undefined)
      this.#cidrs = this.#follow(
        serviceCidrs,
        parseServiceCidr,
        () => this.#takeCidrs(),
        () => {
          if (!this.#begun) this.#schedule()
        },
      )
  }

  /** Everything has been said once. */
  get synced(): boolean {
    return this.#begun
  }

  /** Why what was said may be behind; undefined while everything is followed. */
  get problem(): KubeError | undefined {
    return this.#followed.find((reflector) => reflector.problem !== undefined)?.problem
  }

  /** What is in force now, by `namespace/name`. */
  get services(): ReadonlyMap<string, Service> {
    return this.#services.objects
  }

  get endpointSlices(): ReadonlyMap<string, EndpointSlice> {
    return this.#slices.objects
  }

  get problems(): readonly Problem[] {
    return this.#problems.all
  }

  /** Every object as it is now, whether it was said already or is about to be. */
  objects(): readonly Change[] {
    const services = [...this.services].map(
      ([key, object]): Change => ({ kind: 'Service', name: nameOfKey(key), object }),
    )
    const slices = [...this.endpointSlices].map(
      ([key, object]): Change => ({ kind: 'EndpointSlice', name: nameOfKey(key), object }),
    )
    return [...services, ...slices]
  }

  /** Nothing is said once this is called. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#flush !== undefined) clearImmediate(this.#flush)
    await Promise.all([...this.#followed, this.#cidrs].map((reflector) => reflector?.close()))
  }

  get #followed(): readonly Followed[] {
    return [this.#services, this.#slices, this.#nodes]
  }

  #follow<Value>(
    collection: Collection,
    parse: (object: unknown) => Parsed<Value>,
    onChanges: (changes: readonly ObjectChange<Value>[]) => void,
    onProblem: (problem: KubeError) => void = () => {},
  ): Reflector<Value> {
    const { client, log, backoff, livenessMs } = this.#options
    const place = (key: string): string => `${collection.kind} ${key}`
    return new Reflector<Value>({
      client,
      collection,
      decode: (object, before) =>
        this.#problems.settle(place(objectKey(object)), parse(object.written), before),
      onGone: (key) => this.#problems.forget(place(key)),
      onChanges,
      onProblem,
      log,
      ...(backoff === undefined ? {} : { backoff }),
      ...(livenessMs === undefined ? {} : { livenessMs }),
    })
  }

  #take(changes: readonly Change[]): void {
    for (const change of changes) this.#pending.set(`${change.kind} ${change.name}`, change)
    this.#schedule()
  }

  #takeNode(): void {
    const [node] = this.#nodes.objects.values()
    this.#node = node
    if (this.#begun) this.#options.onNode?.(node)
    else this.#schedule()
  }

  #takeCidrs(): void {
    if (this.#begun) this.#options.onServiceCidrs?.(this.#knownCidrs())
    else this.#schedule()
  }

  /** In one order, whatever the server's. */
  #knownCidrs(): readonly Cidr[] {
    const byName = [...(this.#cidrs?.objects ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
    return byName.flatMap(([, cidrs]) => cidrs)
  }

  get #knowsAll(): boolean {
    const cidrs = this.#cidrs
    const cidrsSettled = cidrs === undefined || cidrs.synced || isRefused(cidrs.problem)
    return cidrsSettled && this.#followed.every((reflector) => reflector.synced)
  }

  /** Says what is pending at the end of this turn, once everything is known. */
  #schedule(): void {
    if (this.#closed || this.#flush !== undefined) return
    if (!this.#begun && !this.#knowsAll) return
    this.#flush = setImmediate(() => {
      this.#flush = undefined
      if (!this.#begun) {
        this.#options.onNode?.(this.#node)
        this.#options.onServiceCidrs?.(this.#knownCidrs())
      }
      this.#begun = true
      const changes = [...this.#pending.values()]
      this.#pending.clear()
      this.#options.onUpdate({ changes, problems: this.#problems.all })
    })
  }
}

/** 404: a server of before 1.33. 403: a role of before that. */
const isRefused = (problem: KubeError | undefined): boolean =>
  problem?.status === 403 || problem?.status === 404
