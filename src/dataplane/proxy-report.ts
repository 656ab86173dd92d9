import type { Problem } from '../model/problem.ts'
import type { IpFamily } from '../util/address.ts'
import type { Backend } from './backend.ts'
import type { DesiredCompiler } from './desired/compiler.ts'
import type { Reconciler } from './reconciler.ts'
import type { FrontendStatus } from './status.ts'

/** One address family of a proxy. */
export interface ProxyFamily {
  readonly family: IpFamily
  readonly backend: Backend
  readonly reconciler: Reconciler
}

/** What Services ask for and do not get, and what the kernel refuses. */
export function reportProblems(
  compiler: DesiredCompiler,
  families: readonly ProxyFamily[],
): readonly Problem[] {
  const refused = families.flatMap(({ family, reconciler }) =>
    [...reconciler.status().refused].map(([key, error]): Problem => {
      const service = compiler.frontends(family).get(key)?.service
      return {
        place: service === undefined ? `frontend ${key}` : `Service ${service}`,
        severity: 'error',
        reason: `the kernel refuses frontend ${key}: ${error.message}`,
      }
    }),
  )
  const curtailed = families.flatMap(({ backend }) => backend.problems?.() ?? [])
  return [...compiler.problems(), ...curtailed, ...refused]
}

/** All frontends, by Service, then in a fixed order. */
export const reportFrontends = (
  compiler: DesiredCompiler,
  families: readonly ProxyFamily[],
): readonly FrontendStatus[] => families.flatMap((family) => ofFamily(compiler, family)).sort(byService)

const ofFamily = (compiler: DesiredCompiler, { family, reconciler }: ProxyFamily): FrontendStatus[] =>
  [...compiler.frontends(family).values()].map((frontend) => ({
    service: frontend.service,
    portName: frontend.portName,
    kind: frontend.kind,
    address: frontend.address,
    protocol: frontend.protocol,
    port: frontend.port,
    endpoints: frontend.endpoints.length,
    inForce: reconciler.isInForce(frontend.key),
  }))

function byService(a: FrontendStatus, b: FrontendStatus): number {
  if (a.service !== b.service) return a.service < b.service ? -1 : 1
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1
  return a.port - b.port
}
