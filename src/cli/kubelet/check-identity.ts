import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Material } from '../../kube/access/cluster-access.ts'
import { CommandError } from '../command-error.ts'
import { complain } from '../process/complain.ts'

/** What the Node authorizer takes for a node: this, and the node's name. */
const NODE_USER = /^CN=system:node:(.+)$/m

/**
 * Looks at what the API server would refuse in words that help nobody: a certificate of another node, or one that is
 * over. Throws a CommandError `NODE_NAME_MISMATCH`; the other is said only, because the file may be renewed any time.
 */
export async function checkIdentity(material: Material | undefined, nodeName: string): Promise<void> {
  const certificate = material === undefined ? undefined : await parsed(material)
  if (certificate === undefined) return
  const [, holder = nodeName] = NODE_USER.exec(certificate.subject) ?? []
  if (holder !== nodeName)
    throw new CommandError(
      'NODE_NAME_MISMATCH',
      `the kubeconfig is that of node ${holder}, and this node is called ${nodeName}`,
      { remedy: `add --hostname-override ${holder}, or take the kubeconfig of node ${nodeName}` },
    )
  if (Date.parse(certificate.validTo) < Date.now())
    complain(
      `the client certificate of the kubeconfig is over since ${certificate.validTo}: the API server refuses it (renew it; it is read again)`,
    )
}

/** Undefined when there is none to look at: whoever uses it says why. */
async function parsed(material: Material): Promise<X509Certificate | undefined> {
  try {
    return new X509Certificate(material.kind === 'inline' ? material.bytes : await readFile(material.path))
  } catch {
    return undefined
  }
}
