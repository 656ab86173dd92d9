import { describe, expect, it } from 'vitest'
import type { CommitOutcome } from '../../../src/dataplane/backend.ts'
import { DesiredCompiler } from '../../../src/dataplane/desired/compiler.ts'
import { DEFAULT_MASQUERADE_MARK } from '../../../src/dataplane/family-config.ts'
import { failedCommit } from '../../../src/dataplane/nftables/failure.ts'
import { PlanBuilder, type PlannedUpdate } from '../../../src/dataplane/nftables/plan-builder.ts'
import { TableState } from '../../../src/dataplane/nftables/table-state.ts'
import { planTransaction } from '../../../src/dataplane/nftables/transaction.ts'
import type { Change } from '../../../src/model/change.ts'
import { NetlinkError, type OperationFailure } from '../../../src/native/errors.ts'
import { Pacer } from '../../../src/util/pacer.ts'
import {
  address,
  port,
  service,
  serviceChange,
  slice,
  sliceChange,
  sliceEndpoint,
} from '../../support/services.ts'

const CONFIG = {
  family: 'IPv4',
  serviceCidrs: [],
  podCidrs: [],
  nodeAddresses: [address('172.20.0.1')],
  masqueradePodEgress: false,
  masqueradeMark: DEFAULT_MASQUERADE_MARK,
  masqueradeAll: false,
} as const

const remote = (at: string) => sliceEndpoint(at, { nodeName: 'there' })
/** Two Services without endpoints: what the tables hold before the plan that fails. */
const BEFORE: readonly Change[] = [
  serviceChange(service('a', '10.96.0.1', { type: 'NodePort', ports: [port({ nodePort: 30080 })] })),
  serviceChange(service('b', '10.96.0.2')),
]
/** Each gets an endpoint. Records come in the order a's cluster IP, a's node port, b's cluster IP. */
const CHANGES: readonly Change[] = [
  sliceChange(slice('a', [remote('10.1.0.1')])),
  sliceChange(slice('b', [remote('10.1.0.2')])),
]

const failure = (op: number, code: string, element?: number): OperationFailure => ({
  op,
  errno: 22,
  code,
  message: 'no',
  ...(element === undefined ? {} : { element }),
})

/** What becomes of the plan for CHANGES when the kernel answers with these failures. */
async function outcomeOf(...failures: readonly OperationFailure[]): Promise<CommitOutcome> {
  const state = new TableState()
  const compiler = new DesiredCompiler({ families: ['IPv4'], nodeName: 'here' })
  const plan = async (changes: readonly Change[]): Promise<PlannedUpdate> => {
    for (const change of changes) compiler.apply(change)
    const builder = new PlanBuilder(CONFIG, state)
    for (const { key, frontend } of compiler.compile()) builder.add(key, frontend)
    return builder.finish(new Pacer())
  }
  const before = await plan(BEFORE)
  before.adopt()
  const failing = await plan(CHANGES)
  // Rules would want the addon, and no failure below is about them.
  const withoutChains = { ...failing.plan, addedChains: [], addedClasses: [] }
  const written = planTransaction(withoutChains, CONFIG)
  const [first] = failures
  const error = new NetlinkError({
    code: first?.code ?? '',
    errno: 22,
    reason: 'no',
    operation: 'commit',
    failures,
  })
  return failedCommit(error, { plan: withoutChains, frontends: failing.frontends }, written, CONFIG)
}

// Operations of the transaction for CHANGES, chains left out.
const REMOVE_SERVICES = 0
const ADD_SERVICES = 1
const ADD_ENDPOINTS = 2

describe('a commit that the kernel refuses', () => {
  it.each([
    {
      name: 'an endpoint of a cluster IP',
      failures: [failure(ADD_ENDPOINTS, 'EINVAL', 0)],
      keys: ['10.96.0.1/TCP/80'],
    },
    {
      name: 'an endpoint of a node port',
      failures: [failure(ADD_ENDPOINTS, 'EINVAL', 1)],
      keys: ['node/TCP/30080'],
    },
    {
      name: 'elements of several frontends',
      failures: [failure(ADD_SERVICES, 'EINVAL', 2), failure(ADD_ENDPOINTS, 'EINVAL', 0)],
      keys: ['10.96.0.2/TCP/80', '10.96.0.1/TCP/80'],
    },
  ])('for $name is about those frontends', async ({ failures, keys }) => {
    expect(await outcomeOf(...failures)).toMatchObject({ kind: 'refused', frontends: new Set(keys) })
  })

  it.each([
    {
      name: 'an element that is not there',
      failures: [failure(REMOVE_SERVICES, 'ENOENT', 0)],
      kind: 'stale',
    },
    {
      name: 'an element that is there already',
      failures: [failure(ADD_ENDPOINTS, 'EEXIST', 0)],
      kind: 'stale',
    },
    { name: 'a full set', failures: [failure(ADD_ENDPOINTS, 'ENFILE', 0)], kind: 'stale' },
    { name: 'no element in particular', failures: [failure(ADD_ENDPOINTS, 'EINVAL')], kind: 'failed' },
    { name: 'the transaction as a whole', failures: [failure(-1, 'ENOMEM')], kind: 'failed' },
    {
      name: 'an element and something else',
      failures: [failure(ADD_ENDPOINTS, 'EINVAL', 0), failure(-1, 'ENOMEM')],
      kind: 'failed',
    },
  ])('for $name is $kind', async ({ failures, kind }) => {
    expect(await outcomeOf(...failures)).toMatchObject({ kind })
  })

  it('for want of permission says what it takes', async () => {
    expect(await outcomeOf(failure(-1, 'EPERM'))).toMatchObject({
      kind: 'failed',
      error: { code: 'NO_PERMISSION', remedy: 'run as root or with CAP_NET_ADMIN' },
    })
  })
})
