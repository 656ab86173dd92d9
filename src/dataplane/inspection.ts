import type { ObjectName } from '../model/object-name.ts'
import type { Problem } from '../model/problem.ts'
import { familyOf, type IpFamily } from '../util/address.ts'
import type { Backend } from './backend.ts'
import type { ConnectionReport } from './conntrack/connection-report.ts'
import type { Conntrack } from './conntrack/conntrack.ts'
import { type FlowList, type FlowQuery, listFlows } from './conntrack/list-flows.ts'
import type { DesiredCompiler } from './desired/compiler.ts'
import type { FrontendKey } from './desired/frontend.ts'
import { explain, findFrontend } from './explain/explain.ts'
import type { Explanation, KernelObjects } from './explain/explanation.ts'
import { liveConnections } from './explain/live-connections.ts'
import type { Question } from './explain/question.ts'
import type { ExplainWorld } from './explain/world.ts'
import type { ProxyMode } from './proxy-modes.ts'
import type { ServiceProxyOptions } from './proxy-options.ts'

/** What an inspection looks at. */
export interface Inspected {
  readonly options: ServiceProxyOptions
  readonly mode: ProxyMode
  readonly compiler: DesiredCompiler
  readonly families: readonly {
    readonly family: IpFamily
    readonly backend: Backend
    readonly reconciler: { isInForce(key: FrontendKey): boolean }
  }[]
  readonly conntrack: Conntrack | undefined
  readonly problems: () => readonly Problem[]
}

/** What happens to a connection on this node, and why. Rejects with a NetlinkError when conntrack cannot be read. */
export async function explainConnection(question: Question, inspected: Inspected): Promise<Explanation> {
  const { options, mode, compiler, families, conntrack, problems } = inspected
  const {
    nodeName,
    nodeAddresses,
    serviceCidrs,
    podCidrs,
    podInterface,
    masqueradeAll = false,
    netns,
  } = options
  const asked = familyOf(question.address)
  const family = families.find(({ family }) => family === asked)
  const world: ExplainWorld = {
    ...{ nodeName, nodeAddresses, serviceCidrs, podCidrs, podInterface, masqueradeAll },
    ownsVips: mode === 'ipvs',
    frontends: compiler.frontends(asked),
    service: (name) => compiler.service(name),
    slices: (name) => compiler.slices(name),
    isInForce: (key) => family?.reconciler.isInForce(key) ?? false,
  }
  const key = findFrontend(question, world)?.key
  const reasoning = explain(question, world)
  const place = `Service ${reasoning.frontend?.service}`
  return {
    question,
    mode,
    ...reasoning,
    problems: problems().filter((problem) => problem.place === place),
    kernel: await kernelObjects(key, family?.backend),
    counted: key === undefined ? undefined : await conntrack?.countsOf(asked, key),
    connections: await liveConnections(question, { netns, translated: mode !== 'ipvs' }),
  }
}

/** Connections of Services, with all endpoints of `chosen`; undefined where nobody counts them. */
export const reportCounts = (
  chosen: ObjectName | undefined,
  { conntrack }: Inspected,
): Promise<ConnectionReport | undefined> => conntrack?.report(chosen) ?? Promise.resolve(undefined)

/** Connections that the kernel tracks. Rejects with a NetlinkError. */
export const listConnections = (
  query: FlowQuery,
  { options, mode, compiler, families }: Inspected,
): Promise<FlowList> =>
  listFlows(query, {
    translated: mode !== 'ipvs',
    frontends: new Map(families.map(({ family }) => [family, compiler.frontends(family)])),
    nodeAddresses: options.nodeAddresses,
    netns: options.netns,
  })

/** With the kernel's own counts where its objects have some; a kernel that does not answer leaves what was committed. */
async function kernelObjects(
  key: FrontendKey | undefined,
  backend: Backend | undefined,
): Promise<KernelObjects> {
  if (key === undefined || backend === undefined) return { lines: [], counts: 'none' }
  if (backend.counters === undefined) return { lines: backend.describe?.(key) ?? [], counts: 'none' }
  try {
    return { lines: await backend.counters(key), counts: 'read' }
  } catch {
    return { lines: backend.describe?.(key) ?? [], counts: 'unreadable' }
  }
}
