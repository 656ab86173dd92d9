import { isRecord } from '../../kube/kube-object.ts'
import { splitObjectName } from '../../model/object-name.ts'
import type { PodStatus } from '../../model/pod-status.ts'
import { podConditions, podStatusObject, type StatusContext } from '../api/pod-status-object.ts'
import { jsonPage, type Page } from './page.ts'
import type { KnownPod } from './pod-access.ts'

/** core/v1 Pods of this node. */
export type PodObjects = () => readonly object[]

/** A core/v1 Pod as the API has it, but with the status that the node would tell of it now. */
export function servedPod(
  object: Readonly<Record<string, unknown>>,
  statuses: ReadonlyMap<string, PodStatus>,
  context: StatusContext,
): object {
  const uid = isRecord(object.metadata) ? object.metadata.uid : undefined
  const status = typeof uid === 'string' ? statuses.get(uid) : undefined
  if (status === undefined) return object
  const written = isRecord(object.status) ? object.status : {}
  const said = podStatusObject(undefined, status, context)
  const podIPs = status.podIPs.map((ip) => ({ ip }))
  return { ...object, status: { ...written, ...said, podIPs, conditions: conditionsOf(written, status) } }
}

/** Those of the API, which know since when, as long as nothing has changed. */
function conditionsOf(written: Readonly<Record<string, unknown>>, status: PodStatus): readonly unknown[] {
  const known = Array.isArray(written.conditions) ? written.conditions.filter(isRecord) : []
  const said = podConditions(status)
  const others = known.filter(({ type }) => said.every((condition) => condition.type !== type))
  const own = said.map(
    (condition) =>
      known.find(({ type, status }) => type === condition.type && status === condition.status) ?? condition,
  )
  return [...own, ...others]
}

/** A core/v1 PodList of all pods that are bound to the node. */
export const podList = (objects: PodObjects): Page => list(objects())

/** A core/v1 PodList of the pods that the runtime has, with no more than it knows of them: the kubelet's /runningpods. */
export const runningPods = (known: Iterable<KnownPod>): Page =>
  list([...known].filter(({ status }) => status.sandboxReady).map(runningPod))

const list = (items: readonly object[]): Page =>
  jsonPage({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items })

function runningPod({ state }: KnownPod): object {
  const { namespace, name } = splitObjectName(state.name)
  const running = state.records.containers.filter((record) => record.state === 'running')
  return {
    metadata: { name, namespace, uid: state.uid },
    spec: {
      containers: running.map((record) => ({ name: record.name, image: record.imageId, resources: {} })),
    },
    status: {},
  }
}
