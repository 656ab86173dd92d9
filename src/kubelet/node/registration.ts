import type { KubeClient } from '../../kube/client.ts'
import { KubeError } from '../../kube/error.ts'
import type { Logger } from '../../util/logger.ts'
import { type ExistingNode, existingNode } from './existing-node.ts'
import { isHeartbeatFresh } from './lease.ts'
import { NodeError } from './node-error.ts'
import { NODE_ANNOTATIONS, type NodeIdentity, nodeLabels, nodeObject } from './node-object.ts'

interface Registration {
  readonly client: Pick<KubeClient, 'json'>
  readonly identity: NodeIdentity
  readonly log: Logger
  readonly signal: AbortSignal
}

/**
 * Makes the Node, or takes over the one that is there: with our labels and annotations in it, and everything that others
 * wrote. Rejects with a NodeError when it is another machine's, and with a KubeError.
 */
export async function registerNode(registration: Registration): Promise<ExistingNode> {
  const { client, identity, log, signal } = registration
  try {
    const body = nodeObject(identity)
    const made = existingNode(await client.json({ method: 'POST', path: '/api/v1/nodes', body, signal }))
    log.info({ node: identity.name }, 'The node is registered')
    return made
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 409) throw error
    return takeOver(registration)
  }
}

async function takeOver({ client, identity, signal }: Registration): Promise<ExistingNode> {
  const path = `/api/v1/nodes/${identity.name}`
  const found = existingNode(await client.json({ path, signal }))
  if (!isOf(identity, found) && (await isHeartbeatFresh(client, identity.name, signal)))
    throw new NodeError(
      'NODE_NAME_TAKEN',
      `the node name ${identity.name} is held by another machine that is alive ` +
        '(give this one another with --hostname-override, or delete the Node once that machine is off)',
    )
  const labels = missing(nodeLabels(identity), found.labels)
  const annotations = missing(NODE_ANNOTATIONS, found.annotations)
  if (labels !== undefined || annotations !== undefined)
    await client.json({
      ...{ method: 'PATCH', path, signal, contentType: 'application/merge-patch+json' },
      body: { metadata: { labels, annotations } },
    })
  return found
}

/** The Node is this machine's; one that does not say whose it is is anybody's. */
const isOf = ({ machine }: NodeIdentity, { machineId, systemUuid }: ExistingNode): boolean =>
  machineId === '' || (machineId === machine.machineId && systemUuid === machine.systemUuid)

/** What of `wanted` is not there; undefined when all of it is. */
function missing(
  wanted: Readonly<Record<string, string>>,
  there: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> | undefined {
  const found = Object.entries(wanted).filter(([key, value]) => there[key] !== value)
  return found.length === 0 ? undefined : Object.fromEntries(found)
}
