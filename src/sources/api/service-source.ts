import type { KubeClient } from '../../kube/client.ts'
import { objectKey } from '../../kube/kube-object.ts'
import { Reflector } from '../../kube/reflector.ts'
import type { Change } from '../../model/change.ts'
import type { Service } from '../../model/service.ts'
import type { Logger } from '../../util/logger.ts'
import { parseService } from '../objects/service.ts'
import type { ServiceFeed, ServiceFollower } from '../service-feed.ts'
import { services } from './collections.ts'
import { nameOfKey } from './name-of-key.ts'
import { ObjectProblems } from './object-problems.ts'

export interface ServiceSourceOptions {
  readonly client: KubeClient
  readonly log: Logger
}

/** The Services of an API server alone, for a node whose proxy is another program. */
export class ServiceSource implements ServiceFeed {
  readonly #services: Reflector<Service>
  readonly #followers: ServiceFollower[] = []
  /** Whoever serves them says what is wrong with them. */
  readonly #problems = new ObjectProblems(() => undefined)

  constructor({ client, log }: ServiceSourceOptions) {
    this.#services = new Reflector<Service>({
      client,
      collection: services,
      decode: (object, before) =>
        this.#problems.settle(
          `Service ${objectKey(object)}`,
          parseService(object.written, { warnsOfUnread: false }),
          before,
        ),
      onGone: (key) => this.#problems.forget(`Service ${key}`),
      onChanges: (changes) => {
        const said = changes.map(
          ({ key, value }): Change => ({ kind: 'Service', name: nameOfKey(key), object: value }),
        )
        for (const follow of this.#followers) follow(said)
      },
      log,
    })
  }

  followServices(follower: ServiceFollower): void {
    this.#followers.push(follower)
    if (this.#services.synced)
      follower(
        [...this.#services.objects].map(([key, object]) => ({
          kind: 'Service',
          name: nameOfKey(key),
          object,
        })),
      )
  }

  close(): Promise<void> {
    return this.#services.close()
  }
}
