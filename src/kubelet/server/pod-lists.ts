import { splitObjectName } from '../../model/object-name.ts'
import type { PodActor } from '../pods/actor.ts'
import { jsonPage, type Page } from './page.ts'

/** core/v1 Pods of this node as the API has them, each with what the node says of it. */
export type PodObjects = () => readonly object[]

/** A core/v1 PodList of all pods that are bound to the node. */
export const podList = (objects: PodObjects): Page => list(objects())

/** A core/v1 PodList of the pods that the runtime has, with no more than it knows of them: the kubelet's /runningpods. */
export const runningPods = (actors: Iterable<PodActor>): Page =>
  list([...actors].filter(({ status }) => status.sandboxReady).map(runningPod))

const list = (items: readonly object[]): Page =>
  jsonPage({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items })

function runningPod({ state }: PodActor): object {
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
