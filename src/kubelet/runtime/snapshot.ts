import {
  type Container,
  ContainerState,
  type ContainerStatus,
  type PodSandbox,
  PodSandboxState,
} from '../../gen/runtime.ts'
import { objectName } from '../../model/object-name.ts'
import { type IpAddress, parseAddress } from '../../util/address.ts'
import type { CriClient } from './cri-client.ts'
import { ANNOTATION, CONFIG_SOURCE, isStatic, KUBELET_ANNOTATION, LABEL } from './labels.ts'
import { isContainerInScope, isSandboxInScope, type PodScope, selectorOf } from './pod-scope.ts'
import type { ContainerRecord, ContainerRecordState, PodRecords, SandboxRecord } from './records.ts'
import { RuntimeError } from './runtime-error.ts'

/** All our sandboxes and containers at one moment: what every decision is made from. */
export interface RuntimeSnapshot {
  /** Of the clock that effects tick, when the reading began: what an effect did after that may be missing. */
  readonly sequence: number
  readonly pods: ReadonlyMap<string, PodRecords>
}

const DEFAULT_GRACE_SECONDS = 30

/**
 * Reads the runtime in two lists and asks for the particulars of what changed since `previous` only. Unchanged records
 * and pods are the same objects as before, so that callers compare by identity.
 */
export async function takeSnapshot(
  client: CriClient,
  scope: PodScope,
  sequence: number,
  previous: RuntimeSnapshot | undefined,
): Promise<RuntimeSnapshot> {
  const known = indexById(previous)
  const { sandboxes, containers } = await list(client, scope)
  const [sandboxRecords, containerRecords] = await Promise.all([
    Promise.all(sandboxes.map((it) => sandboxRecord(client, it, containers, known.sandboxes.get(it.id)))),
    Promise.all(containers.map((it) => containerRecord(client, it, known.containers.get(it.id)))),
  ])
  return { sequence, pods: groupByPod(present(sandboxRecords), present(containerRecords), previous) }
}

async function list(
  client: CriClient,
  scope: PodScope,
): Promise<{ readonly sandboxes: readonly PodSandbox[]; readonly containers: readonly Container[] }> {
  const selector = selectorOf(scope)
  const [sandboxes, containers] = await Promise.all([
    client.listPodSandboxes(selector),
    client.listContainers(selector),
  ])
  const own = new Set(sandboxes.filter((it) => isSandboxInScope(scope, it)).map(({ id }) => id))
  return {
    sandboxes: sandboxes.filter(({ id }) => own.has(id)),
    containers: containers.filter((it) => own.has(it.podSandboxId) && isContainerInScope(scope, it)),
  }
}

/** The addresses that the pod network gave a sandbox. */
export async function sandboxAddresses(client: CriClient, id: string): Promise<readonly IpAddress[]> {
  const { network } = await client.podSandboxStatus(id)
  if (network === undefined) return []
  return present([network.ip, ...network.additionalIps.map(({ ip }) => ip)].map(parseAddress))
}

async function sandboxRecord(
  client: CriClient,
  sandbox: PodSandbox,
  containers: readonly Container[],
  known: SandboxRecord | undefined,
): Promise<SandboxRecord | undefined> {
  const ready = sandbox.state === PodSandboxState.SANDBOX_READY
  if (known?.ready === ready) return known
  const { metadata, annotations } = sandbox
  if (metadata === undefined) return undefined
  const ips = ready ? await unlessGone(sandboxAddresses(client, sandbox.id)) : []
  if (ips === undefined) return undefined
  return {
    id: sandbox.id,
    pod: objectName(metadata.namespace, metadata.name),
    podUid: metadata.uid,
    attempt: metadata.attempt,
    ready,
    createdAt: toMs(sandbox.createdAt),
    ips,
    graceSeconds: graceOf(sandbox, containers),
    isStatic: isStatic(annotations[CONFIG_SOURCE]),
  }
}

/** Upstream's kubelet notes it on containers only. */
function graceOf({ id, annotations }: PodSandbox, containers: readonly Container[]): number {
  const noted = containers.filter(({ podSandboxId }) => podSandboxId === id)
  const texts = [
    annotations[ANNOTATION.graceSeconds],
    ...noted.map((it) => it.annotations[KUBELET_ANNOTATION.graceSeconds]),
  ]
  const seconds = texts.find((text) => text !== undefined && /^\d+$/.test(text))
  return seconds === undefined ? DEFAULT_GRACE_SECONDS : Number(seconds)
}

/** A container as it is now; undefined when the runtime has it no longer. */
export async function readContainer(
  client: CriClient,
  record: ContainerRecord,
): Promise<ContainerRecord | undefined> {
  const status = await unlessGone(client.containerStatus(record.id))
  return status === undefined ? undefined : { ...record, ...statusFields(status) }
}

async function containerRecord(
  client: CriClient,
  container: Container,
  known: ContainerRecord | undefined,
): Promise<ContainerRecord | undefined> {
  if (known?.state === STATES[container.state]) return known
  const status = await unlessGone(client.containerStatus(container.id))
  if (status === undefined) return undefined
  return {
    id: container.id,
    sandboxId: container.podSandboxId,
    podUid: container.labels[LABEL.podUid] ?? '',
    name: container.metadata?.name ?? '',
    attempt: container.metadata?.attempt ?? 0,
    imageId: container.imageRef,
    restartDelayMs: Number(container.annotations[ANNOTATION.restartDelay] ?? 0),
    ...terminationLog(container, status),
    ...statusFields(status),
  }
}

/** Every kubelet has its own name for the file. */
function terminationLog(
  { annotations }: Container,
  { mounts }: ContainerStatus,
): { readonly terminationLog?: string } {
  const path = annotations[KUBELET_ANNOTATION.terminationMessagePath]
  const mount = mounts.find(({ containerPath }) => containerPath === path)
  return mount === undefined ? {} : { terminationLog: mount.hostPath }
}

const statusFields = (status: ContainerStatus) => ({
  state: STATES[status.state],
  createdAt: toMs(status.createdAt),
  startedAt: toMs(status.startedAt),
  finishedAt: toMs(status.finishedAt),
  exitCode: status.exitCode,
  reason: status.reason,
  message: status.message,
})

const STATES: Record<ContainerState, ContainerRecordState> = {
  [ContainerState.CONTAINER_CREATED]: 'created',
  [ContainerState.CONTAINER_RUNNING]: 'running',
  [ContainerState.CONTAINER_EXITED]: 'exited',
  [ContainerState.CONTAINER_UNKNOWN]: 'unknown',
}

/** Between the list and the question the thing may have been removed. */
async function unlessGone<Value>(answer: Promise<Value>): Promise<Value | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'RUNTIME_NOT_FOUND') return undefined
    throw error
  }
}

function indexById(snapshot: RuntimeSnapshot | undefined) {
  const sandboxes = new Map<string, SandboxRecord>()
  const containers = new Map<string, ContainerRecord>()
  for (const pod of snapshot?.pods.values() ?? []) {
    for (const sandbox of pod.sandboxes) sandboxes.set(sandbox.id, sandbox)
    for (const container of pod.containers) containers.set(container.id, container)
  }
  return { sandboxes, containers }
}

function groupByPod(
  sandboxes: readonly SandboxRecord[],
  containers: readonly ContainerRecord[],
  previous: RuntimeSnapshot | undefined,
): ReadonlyMap<string, PodRecords> {
  const grouped = new Map<string, { sandboxes: SandboxRecord[]; containers: ContainerRecord[] }>()
  const groupOf = (uid: string) => {
    const group = grouped.get(uid) ?? { sandboxes: [], containers: [] }
    grouped.set(uid, group)
    return group
  }
  for (const sandbox of sandboxes) groupOf(sandbox.podUid).sandboxes.push(sandbox)
  for (const container of containers) groupOf(container.podUid).containers.push(container)
  const pods = new Map<string, PodRecords>()
  for (const [uid, fresh] of grouped) {
    fresh.sandboxes.sort((a, b) => b.attempt - a.attempt)
    fresh.containers.sort((a, b) => b.attempt - a.attempt)
    const before = previous?.pods.get(uid)
    pods.set(uid, before !== undefined && sameRecords(before, fresh) ? before : fresh)
  }
  return pods
}

const sameRecords = (a: PodRecords, b: PodRecords): boolean =>
  sameItems(a.sandboxes, b.sandboxes) && sameItems(a.containers, b.containers)

const sameItems = <Item>(a: readonly Item[], b: readonly Item[]): boolean =>
  a.length === b.length && a.every((item) => b.includes(item))

const present = <Value>(values: readonly (Value | undefined)[]): Value[] =>
  values.filter((value) => value !== undefined)

/** CRI counts in ns; a container that never started says 0. */
const toMs = (ns: bigint): number => Number(ns / 1_000_000n)
