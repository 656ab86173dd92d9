import type { KubeClient } from '../../kube/client.ts'
import { objectKey } from '../../kube/kube-object.ts'
import { Reflector } from '../../kube/reflector.ts'
import type { Change } from '../../model/change.ts'
import type { ConfigObject } from '../../model/config-object.ts'
import { splitObjectName } from '../../model/object-name.ts'
import type { Backoff } from '../../util/backoff.ts'
import type { Logger } from '../../util/logger.ts'
import { parseConfigMap } from '../objects/config-map.ts'
import { parseSecret } from '../objects/secret.ts'
import type { ObjectProblems } from './object-problems.ts'

/** Which ConfigMap or Secret. */
export type ConfigIdentity = Pick<ConfigObject, 'kind' | 'name'>

export interface ConfigFollowerOptions {
  readonly client: KubeClient
  readonly log: Logger
  readonly problems: ObjectProblems
  /** Hears that it is there, has changed or is gone. */
  readonly onChange: (change: Change) => void
  /** `settled` may have changed. */
  readonly onSettled: () => void
  readonly backoff?: Backoff
}

const KINDS = {
  ConfigMap: { resource: 'configmaps', parse: parseConfigMap },
  Secret: { resource: 'secrets', parse: parseSecret },
} as const

/** One ConfigMap or Secret of an API server, whether it exists or not. */
export class ConfigFollower {
  readonly #reflector: Reflector<ConfigObject>

  constructor({ kind, name }: ConfigIdentity, options: ConfigFollowerOptions) {
    const { client, log, problems, onChange, onSettled, backoff } = options
    const { namespace, name: own } = splitObjectName(name)
    const { resource, parse } = KINDS[kind]
    this.#reflector = new Reflector<ConfigObject>({
      client,
      collection: {
        path: `/api/v1/namespaces/${namespace}/${resource}`,
        apiVersion: 'v1',
        kind,
        fieldSelector: `metadata.name=${own}`,
      },
      decode: (object, before) =>
        problems.settle(`${kind} ${objectKey(object)}`, parse(object.written), before),
      onGone: (key) => problems.forget(`${kind} ${key}`),
      onChanges: (changes) => {
        for (const { value } of changes) onChange({ kind, name, object: value })
        onSettled()
      },
      onProblem: onSettled,
      log,
      ...(backoff === undefined ? {} : { backoff }),
    })
  }

  /** Whether it is there is known, or cannot be known for now. */
  get settled(): boolean {
    return this.#reflector.synced || this.#reflector.problem !== undefined
  }

  close(): Promise<void> {
    return this.#reflector.close()
  }
}
