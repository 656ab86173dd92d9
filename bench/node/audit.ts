import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isRecord } from '../../src/kube/kube-object.ts'

/** Writes alone, without what was written; the Lease and the Node have their own pace, whatever pods there are. */
const POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', verbs: ['get', 'list', 'watch'] },
    {
      level: 'None',
      resources: [{ group: 'coordination.k8s.io' }, { group: '', resources: ['nodes', 'nodes/status'] }],
    },
    { level: 'Metadata', userGroups: ['system:nodes'] },
    { level: 'None' },
  ],
}

/** What nodes write to an API server, by its own account: each line is there before the answer is. */
export class NodeWrites {
  /** For the API server. */
  readonly flags: readonly string[]
  readonly #log: string

  private constructor(folder: string) {
    this.#log = join(folder, 'audit.log')
    this.flags = [`--audit-policy-file=${join(folder, 'audit-policy.json')}`, `--audit-log-path=${this.#log}`]
  }

  static async prepare(folder: string): Promise<NodeWrites> {
    await writeFile(join(folder, 'audit-policy.json'), JSON.stringify(POLICY))
    return new NodeWrites(folder)
  }

  /** How many requests of a node there were so far, whatever came of them. */
  async of(nodeName: string): Promise<number> {
    const text = await readFile(this.#log, 'utf8').catch(() => '')
    return text.split('\n').filter((line) => line !== '' && userOf(line) === `system:node:${nodeName}`).length
  }
}

function userOf(line: string): unknown {
  const event: unknown = JSON.parse(line)
  return isRecord(event) && isRecord(event.user) ? event.user.username : undefined
}
