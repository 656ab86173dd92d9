import { TestCluster } from '../../test/cluster/harness/test-cluster.ts'
import type { Teardown } from '../teardown.ts'
import { createObjects } from './objects.ts'

/** A real control plane of the run's own, with `services` Services of `endpoints` endpoints in it. */
export async function startCluster(
  services: number,
  endpoints: number,
  teardown: Teardown,
): Promise<TestCluster> {
  const cluster = await TestCluster.start()
  teardown.add(() => cluster.dispose())
  await createObjects(cluster.admin, services, endpoints)
  return cluster
}
