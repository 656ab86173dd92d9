import { isRecord, versionOf } from '../../kube/kube-object.ts'

/** What is of interest in a Node that the API server has. */
export interface ExistingNode {
  readonly uid: string
  readonly version: bigint
  readonly labels: Readonly<Record<string, unknown>>
  readonly annotations: Readonly<Record<string, unknown>>
  /** By type. */
  readonly conditions: ReadonlyMap<string, ExistingCondition>
  /** Names of its capacity's resources. */
  readonly resources: readonly string[]
  /** Empty where the Node does not say. */
  readonly machineId: string
  readonly systemUuid: string
  readonly bootId: string
}

export interface ExistingCondition {
  /** `True`, `False`, or `Unknown` when the node controller has given the node up. */
  readonly status: string
  readonly since: string
}

/** Reads a core/v1 Node; what it lacks is empty. */
export function existingNode(object: unknown): ExistingNode {
  const node = record(object)
  const metadata = record(node.metadata)
  const status = record(node.status)
  const info = record(status.nodeInfo)
  const conditions = Array.isArray(status.conditions) ? status.conditions : []
  return {
    uid: text(metadata.uid),
    version: versionOf(object),
    labels: record(metadata.labels),
    annotations: record(metadata.annotations),
    conditions: new Map(
      conditions
        .map(record)
        .map(({ type, status, lastTransitionTime }) => [
          text(type),
          { status: text(status), since: text(lastTransitionTime) },
        ]),
    ),
    resources: Object.keys(record(status.capacity)),
    machineId: text(info.machineID),
    systemUuid: text(info.systemUUID),
    bootId: text(info.bootID),
  }
}

const record = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {})

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
