import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectName } from '../../model/object-name.ts'
import type { Container, Pod } from '../../model/pod.ts'
import type { Clock } from '../../util/clock.ts'
import { removeCgroup } from '../host/cgroups.ts'
import type { CriClient } from '../runtime/cri-client.ts'
import { CONFIG_SOURCE, isStatic } from '../runtime/labels.ts'
import type { ContainerRecord, PodRecords, SandboxRecord } from '../runtime/records.ts'
import { RuntimeError } from '../runtime/runtime-error.ts'
import { readContainer, sandboxAddresses } from '../runtime/snapshot.ts'
import { logFile } from '../volumes/pod-folder.ts'
import type { PodVolumes } from '../volumes/pod-volumes.ts'
import { podCgroup } from './cri-config.ts'
import { runHook } from './lifecycle-hook.ts'
import type { PodAction } from './plan.ts'
import type { StepOutcome } from './pod-event.ts'
import type { RuntimeRequests } from './runtime-requests.ts'
import { stopContainers } from './stop-containers.ts'

export interface EffectsOptions {
  readonly client: CriClient
  readonly volumes: PodVolumes
  readonly requests: RuntimeRequests
  /** Absolute path within each cgroup hierarchy that all pods' cgroups lie below. */
  readonly cgroupRoot: string
  readonly clock: Clock
}

/** Upstream waits for ever; a call without an end would be one that nobody can tell from a lost one. */
const POST_START_MS = 24 * 3_600_000

/** The pod a step is done to; `pod` is undefined for one that only the runtime knows. */
export interface EffectSubject {
  readonly name: ObjectName
  readonly uid: string
  readonly pod: Pod | undefined
  readonly records: PodRecords
}

/** The one part of a pod that touches the runtime, disks, mounts and cgroups: does a step, and says what came of it. */
export class PodEffects {
  readonly #options: EffectsOptions

  constructor(options: EffectsOptions) {
    this.#options = options
  }

  /**
   * Rejects with what went wrong; whoever planned the step decides what that means. `signal` calls off the wait for what
   * containers do in their own time: another end of the pod is wanted.
   */
  async run(action: PodAction, subject: EffectSubject, signal: AbortSignal): Promise<StepOutcome> {
    const { client, clock, volumes } = this.#options
    switch (action.kind) {
      case 'stopContainers':
        return stopContainers(client, clock, {
          ...action,
          pod: subject.pod,
          address: addressOf(subject),
          signal,
        })
      case 'runPostStart':
        return this.#runPostStart(action, subject, signal)
      case 'removeContainer':
        return this.#removeContainer(action.record, subject)
      case 'stopSandbox':
        await client.stopPodSandbox(action.sandbox.id)
        return { kind: 'sandboxStopped', id: action.sandbox.id }
      case 'removeSandbox':
        // A sandbox is not removed before its network is.
        await client.stopPodSandbox(action.sandbox.id)
        await client.removePodSandbox(action.sandbox.id)
        return { kind: 'sandboxRemoved', id: action.sandbox.id }
      case 'startCreated':
        return this.#start(action.record)
      case 'readTerminationMessage': {
        const { id, name, exitCode } = action.record
        const container = containersOf(subject.pod).find((it) => it.name === name)
        const fallsBackToLogs = exitCode !== 0 && container?.terminationMessage.fallsBackToLogs === true
        const message = await volumes.terminationMessage(subject, action.record, fallsBackToLogs)
        return { kind: 'terminationMessageRead', id, message }
      }
      case 'cleanUp':
        await volumes.remove(subject)
        await removeCgroup(podCgroup(this.#options.cgroupRoot, subject.uid))
        return { kind: 'cleanedUp' }
      default:
        return this.#runPod(action, podOf(subject))
    }
  }

  async #runPod(
    action: Extract<PodAction, { kind: 'prepareVolumes' | 'runSandbox' | 'startContainer' }>,
    pod: Pod,
  ): Promise<StepOutcome> {
    switch (action.kind) {
      case 'prepareVolumes':
        await this.#options.volumes.prepare(pod)
        return { kind: 'volumesReady' }
      case 'runSandbox':
        return this.#runSandbox(pod, action.attempt)
      case 'startContainer':
        return this.#createAndStart(pod, action)
    }
  }

  async #runSandbox(pod: Pod, attempt: number): Promise<StepOutcome> {
    const { client, requests, clock } = this.#options
    const { config, warnings } = await requests.sandbox(pod, attempt)
    const id = await client.runPodSandbox(config)
    const ips = await sandboxAddresses(client, id)
    const sandbox: SandboxRecord = {
      id,
      pod: pod.name,
      podUid: pod.uid,
      attempt,
      ready: true,
      createdAt: clock.now(),
      ips,
      graceSeconds: pod.terminationGracePeriodSeconds,
      isStatic: isStatic(pod.annotations.get(CONFIG_SOURCE)),
    }
    return { kind: 'sandboxRunning', sandbox, warnings }
  }

  async #createAndStart(
    pod: Pod,
    action: Extract<PodAction, { kind: 'startContainer' }>,
  ): Promise<StepOutcome> {
    const { client, requests, clock } = this.#options
    const { sandbox, container, attempt, restartDelayMs, imageId } = action
    const config = await requests.container(pod, action)
    const { config: within } = await requests.sandbox(pod, sandbox.attempt)
    const id = await client.createContainer(sandbox.id, config, within)
    const created: ContainerRecord = {
      id,
      sandboxId: sandbox.id,
      podUid: pod.uid,
      name: container.name,
      attempt,
      state: 'created',
      createdAt: clock.now(),
      startedAt: 0,
      finishedAt: 0,
      exitCode: 0,
      reason: '',
      message: '',
      imageId,
      restartDelayMs,
    }
    const started = await this.#start(created)
    const [record = created] = started.records
    return { kind: 'containerStarted', container, record }
  }

  /** A container that does not start has ended, with the runtime's reason: the crash-loop back-off applies to it. */
  async #start(created: ContainerRecord): Promise<Extract<StepOutcome, { kind: 'containersChanged' }>> {
    const { client, clock } = this.#options
    try {
      await client.startContainer(created.id)
      // When it started is the runtime's to say: a later reading of our own clock would be told, and taken back.
      const startedAt = (await readContainer(client, created))?.startedAt ?? clock.now()
      // That it has ended since is for the next snapshot to find: that it had started is to be known first.
      return { kind: 'containersChanged', records: [{ ...created, state: 'running', startedAt }] }
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code !== 'RUNTIME_REFUSED') throw error
      const record = await readContainer(client, created)
      if (record?.state !== 'exited') throw error
      return { kind: 'containersChanged', records: [record] }
    }
  }

  async #runPostStart(
    { container, record: { id } }: Extract<PodAction, { kind: 'runPostStart' }>,
    subject: EffectSubject,
    signal: AbortSignal,
  ): Promise<StepOutcome> {
    const hook = container.lifecycle.postStart
    const target = { containerId: id, address: addressOf(subject) }
    const passed =
      hook === undefined || (await runHook(this.#options.client, hook, target, POST_START_MS, signal))
    // One that was called off has not failed: the pod is to end.
    return { kind: 'postStartEnded', container, id, passed: passed || signal.aborted }
  }

  async #removeContainer(
    { id, name, attempt }: ContainerRecord,
    subject: EffectSubject,
  ): Promise<StepOutcome> {
    await this.#options.client.removeContainer(id)
    await rm(join(this.#options.volumes.folderOf(subject).logs, logFile(name, attempt)), { force: true })
    return { kind: 'containerRemoved', id }
  }
}

const containersOf = (pod: Pod | undefined): readonly Container[] =>
  pod === undefined ? [] : [...pod.initContainers, ...pod.containers]

function podOf({ name, pod }: EffectSubject): Pod {
  if (pod === undefined) throw new Error(`pod ${name} has no manifest to start from`)
  return pod
}

/** Where a pod with a network of its own is reached. */
const addressOf = ({ pod, records }: EffectSubject): string | undefined =>
  pod?.hostNetwork === true ? undefined : records.sandboxes.find(({ ready }) => ready)?.ips[0]
