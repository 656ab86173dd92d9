import type { PodAction } from '../../src/kubelet/pods/plan.ts'
import { planPod } from '../../src/kubelet/pods/planner.ts'
import type { PodEvent } from '../../src/kubelet/pods/pod-event.ts'
import { initialPodState, type PodState } from '../../src/kubelet/pods/pod-state.ts'
import { reduce } from '../../src/kubelet/pods/reduce.ts'
import type { ContainerRecord, PodRecords, SandboxRecord } from '../../src/kubelet/runtime/records.ts'
import type { Pod } from '../../src/model/pod.ts'
import { containerRecord, sandboxRecord } from './pod-records.ts'

/** What chance does to a pod. */
export type Misfortune =
  | 'exit'
  | 'fail'
  | 'sandboxDies'
  | 'hawserRestarts'
  | 'stepFails'
  | 'halfStep'
  | 'wait'

/**
 * One pod on a runtime of plain arrays, without time or concurrency of its own: the planner's decisions are carried out
 * at once, and what must never happen throws.
 */
export class SimulatedPod {
  readonly #pod: Pod
  #state: PodState
  #sandboxes: SandboxRecord[] = []
  #containers: ContainerRecord[] = []
  #now = 1_000_000
  #sequence = 0
  #ids = 0

  constructor(pod: Pod) {
    this.#pod = pod
    this.#state = initialPodState(pod.name, pod.uid, pod, this.#records(), 0)
  }

  get state(): PodState {
    return this.#state
  }

  get running(): readonly string[] {
    return this.#containers.filter(({ state }) => state === 'running').map(({ name }) => name)
  }

  terminate(): void {
    this.#tell({ kind: 'terminate', graceSeconds: 1 })
  }

  suffer(misfortune: Misfortune): void {
    if (misfortune === 'exit') this.#exitOne(0)
    else if (misfortune === 'fail') this.#exitOne(1)
    else if (misfortune === 'sandboxDies') this.#killSandbox()
    else if (misfortune === 'hawserRestarts') this.#forgetAll()
    else if (misfortune === 'stepFails') this.#step((action) => failed(action))
    else if (misfortune === 'halfStep') this.#step((action) => this.#losingTheAnswer(action))
    else this.#now += 15_000
  }

  /** Lets an init container that runs succeed, then does what is planned. False when nothing is. */
  proceed(): boolean {
    this.#observe()
    const init = this.#containers.find(({ name, state }) => state === 'running' && name.startsWith('init'))
    if (init !== undefined) {
      this.#finish(init, 0)
      return true
    }
    const plan = planPod(this.#state, this.#now)
    if (plan.images.length > 0 || plan.action !== undefined) {
      this.#step((action) => this.#carryOut(action))
      return true
    }
    if (plan.wakeAt === undefined) return false
    this.#now = Math.max(this.#now + 1, plan.wakeAt)
    return true
  }

  #step(carryOut: (action: PodAction) => PodEvent): void {
    const { images, action } = planPod(this.#state, this.#now)
    for (const container of images) {
      this.#tell({ kind: 'imagePresent', container, id: container.image, pull: undefined })
    }
    if (action !== undefined) this.#tell(carryOut(action))
  }

  #losingTheAnswer(action: PodAction): PodEvent {
    this.#carryOut(action)
    return failed(action)
  }

  #killSandbox(): void {
    this.#sandboxes = this.#sandboxes.map((it) => ({ ...it, ready: false, ips: [] }))
    this.#observe()
  }

  #forgetAll(): void {
    const { name, uid } = this.#pod
    this.#state = initialPodState(name, uid, this.#pod, this.#records(), this.#sequence)
  }

  #carryOut(action: PodAction): PodEvent {
    switch (action.kind) {
      case 'prepareVolumes':
        return { kind: 'volumesReady' }
      case 'runSandbox':
        return { kind: 'sandboxRunning', sandbox: this.#runSandbox(action.attempt) }
      case 'startContainer': {
        const { container } = action
        return { kind: 'containerStarted', container, record: this.#startContainer(action) }
      }
      case 'startCreated':
        throw new Error('nothing is ever only created here')
      case 'readTerminationMessage':
        return { kind: 'terminationMessageRead', id: action.record.id, message: '' }
      case 'runPostStart':
        return { kind: 'postStartEnded', container: action.container, id: action.record.id, passed: true }
      case 'stopContainers': {
        const ids = new Set(action.records.map(({ id }) => id))
        for (const it of this.#containers) if (ids.has(it.id) && it.state === 'running') this.#finish(it, 137)
        return { kind: 'containersChanged', records: this.#containers.filter(({ id }) => ids.has(id)) }
      }
      case 'removeContainer':
        this.#containers = this.#containers.filter(({ id }) => id !== action.record.id)
        return { kind: 'containerRemoved', id: action.record.id }
      case 'stopSandbox':
        this.#sandboxes = this.#sandboxes.map((it) =>
          it.id === action.sandbox.id ? { ...it, ready: false } : it,
        )
        return { kind: 'sandboxStopped', id: action.sandbox.id }
      case 'removeSandbox':
        this.#sandboxes = this.#sandboxes.filter(({ id }) => id !== action.sandbox.id)
        this.#containers = this.#containers.filter(({ sandboxId }) => sandboxId !== action.sandbox.id)
        return { kind: 'sandboxRemoved', id: action.sandbox.id }
      case 'cleanUp':
        if (this.running.length > 0) throw new Error('volumes removed under running containers')
        return { kind: 'cleanedUp' }
    }
  }

  #runSandbox(attempt: number): SandboxRecord {
    if (this.#sandboxes.some(({ ready }) => ready)) throw new Error('a second sandbox beside a ready one')
    if (this.#sandboxes.some((it) => it.attempt === attempt))
      throw new Error(`sandbox name ${attempt} is reserved`)
    const sandbox = sandboxRecord({ id: `sandbox-${this.#ids++}`, attempt, createdAt: this.#now })
    this.#sandboxes = [sandbox, ...this.#sandboxes]
    return sandbox
  }

  #startContainer({
    sandbox,
    container: { name },
    attempt,
    restartDelayMs,
  }: PodAction & { kind: 'startContainer' }) {
    if (this.running.includes(name)) throw new Error(`a second ${name} beside a running one`)
    if (
      this.#containers.some((it) => it.sandboxId === sandbox.id && it.name === name && it.attempt === attempt)
    ) {
      throw new Error(`container name ${name} ${attempt} is reserved`)
    }
    this.#checkInit(sandbox, name)
    const now = this.#now
    const record = containerRecord({
      id: `container-${this.#ids++}`,
      sandboxId: sandbox.id,
      name,
      attempt,
      restartDelayMs,
      createdAt: now,
      startedAt: now,
    })
    this.#containers = [record, ...this.#containers].sort((a, b) => b.attempt - a.attempt)
    return record
  }

  /**
   * Unless an ordinary container ran in this sandbox already, every init container before `starting` must have succeeded
   * in it, and every sidecar before it must run.
   */
  #checkInit(sandbox: SandboxRecord, starting: string): void {
    const here = this.#containers.filter(({ sandboxId }) => sandboxId === sandbox.id)
    const ordinary = new Set(this.#pod.containers.map(({ name }) => name))
    if (here.some(({ name }) => ordinary.has(name))) return
    for (const { name, sidecar } of this.#pod.initContainers) {
      if (name === starting) return
      if (sidecar) {
        if (!this.running.includes(name)) throw new Error(`${name} does not run beside ${starting}`)
        continue
      }
      const succeeded = here.some((it) => it.name === name && it.state === 'exited' && it.exitCode === 0)
      if (!succeeded) throw new Error(`${name} has not succeeded in this sandbox`)
    }
  }

  #exitOne(exitCode: number): void {
    const [running] = this.#containers.filter(({ state }) => state === 'running')
    if (running !== undefined) this.#finish(running, exitCode)
    this.#observe()
  }

  #finish(container: ContainerRecord, exitCode: number): void {
    const reason = exitCode === 0 ? 'Completed' : 'Error'
    const finished = { ...container, state: 'exited' as const, exitCode, reason, finishedAt: this.#now }
    this.#containers = this.#containers.map((it) => (it.id === container.id ? finished : it))
  }

  #observe(): void {
    this.#sequence += 1
    this.#tell({ kind: 'observed', records: this.#records(), sequence: this.#sequence })
  }

  #records(): PodRecords {
    return { sandboxes: this.#sandboxes, containers: this.#containers }
  }

  #tell(event: PodEvent): void {
    this.#state = reduce(this.#state, event, this.#now, this.#sequence)
  }
}

const failed = (action: PodAction): PodEvent => ({
  kind: 'stepFailed',
  action,
  reason: 'Misfortune',
  message: '',
  retry: 'later',
})
