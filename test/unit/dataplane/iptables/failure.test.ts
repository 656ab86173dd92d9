import { describe, expect, it } from 'vitest'
import type { CommitOutcome } from '../../../../src/dataplane/backend.ts'
import { DesiredCompiler } from '../../../../src/dataplane/desired/compiler.ts'
import { DEFAULT_MASQUERADE_MARK } from '../../../../src/dataplane/family-config.ts'
import { failedCommit } from '../../../../src/dataplane/iptables/failure.ts'
import { PlanBuilder } from '../../../../src/dataplane/iptables/plan-builder.ts'
import { TableState } from '../../../../src/dataplane/iptables/table-state.ts'
import { planTransaction } from '../../../../src/dataplane/iptables/transaction.ts'
import { NetlinkError } from '../../../../src/native/errors.ts'
import { Pacer } from '../../../../src/util/pacer.ts'
import { address, port, service, serviceChange, slice, sliceChange } from '../../../support/services.ts'

const CONFIG = {
  family: 'IPv4',
  serviceCidrs: [],
  podCidrs: [],
  nodeAddresses: [address('172.20.0.1')],
  masqueradePodEgress: false,
  masqueradeMark: DEFAULT_MASQUERADE_MARK,
  masqueradeAll: false,
} as const

/** What becomes of a plan that adds Services `a` and `b` when the kernel refuses the operation that `where` names. */
async function outcomeOf(
  code: string,
  where: RegExp | undefined,
  isRebuild: boolean,
): Promise<CommitOutcome> {
  const compiler = new DesiredCompiler({ families: ['IPv4'], nodeName: 'here' })
  const a = service('a', '10.96.0.1', { type: 'NodePort', ports: [port({ nodePort: 30080 })] })
  for (const change of [serviceChange(a), sliceChange(slice('a', ['10.1.0.1']))]) compiler.apply(change)
  for (const change of [serviceChange(service('b', '10.96.0.2'))]) compiler.apply(change)
  const builder = new PlanBuilder(CONFIG, new TableState())
  for (const { key, frontend } of compiler.compile()) builder.add(key, frontend)
  const planned = await builder.finish(new Pacer())
  const written = await planTransaction(planned.plan, new Pacer())
  const operations = Array.from({ length: written.transaction.operations }, (_, op) => op)
  const op = operations.find((op) => where?.test(written.transaction.describe(op))) ?? -1
  const failures = [{ op, errno: 22, code, message: 'no' }]
  const error = new NetlinkError({ code, errno: 22, reason: 'no', operation: 'commit', failures })
  return failedCommit(error, planned, written, isRebuild)
}

describe('a failed commit of rules', () => {
  it('is refused to all changed frontends of the Service whose own chain the kernel does not take', async () => {
    expect(await outcomeOf('EINVAL', /a rule to chain KUBE-SEP/, false)).toMatchObject({
      kind: 'refused',
      frontends: new Set(['10.96.0.1/TCP/80', 'node/TCP/30080']),
    })
  })

  it('is refused to the Service whose rule in a shared chain the kernel does not take', async () => {
    expect(await outcomeOf('EINVAL', /a rule to chain KUBE-SERVICES of table ip filter/, true)).toMatchObject(
      {
        kind: 'refused',
        frontends: new Set(['10.96.0.2/TCP/80']),
      },
    )
  })

  it('means stale state when an update finds other objects than were committed', async () => {
    expect(await outcomeOf('ENOENT', /a rule to chain KUBE-SERVICES/, false)).toMatchObject({ kind: 'stale' })
  })

  it('is nobody in particular when the whole transaction fails', async () => {
    expect(await outcomeOf('ENOMEM', undefined, false)).toMatchObject({ kind: 'failed' })
  })

  it('says what is missing or not allowed', async () => {
    expect(await outcomeOf('EOPNOTSUPP', undefined, true)).toMatchObject({
      kind: 'failed',
      error: { code: 'NO_NFTABLES', message: expect.stringContaining('nft_compat') },
    })
    expect(await outcomeOf('EPERM', undefined, false)).toMatchObject({
      kind: 'failed',
      error: { code: 'NO_PERMISSION' },
    })
  })
})

describe('handles of inserted rules', () => {
  const handlesOf = async (echoed: ReadonlyMap<string, number>) => {
    const rule = (port: number) => ({
      table: 'nat' as const,
      chain: 'KUBE-SERVICES',
      rule: {
        protocol: 'TCP' as const,
        matches: [{ match: 'dport' as const, port }],
        target: { target: 'DROP' as const },
      },
    })
    const plan = { ...(await emptyPlanned()), insertedRules: [rule(1), rule(2), rule(3)] }
    const written = await planTransaction(plan, new Pacer())
    const last = written.transaction.operations - 1
    const ops = new Map([...echoed].map(([which, handle]) => [which === 'first' ? last - 2 : last, handle]))
    return written.handlesFrom(ops)
  }
  const emptyPlanned = async () => (await new PlanBuilder(CONFIG, new TableState()).finish(new Pacer())).plan

  it('follow from the first and the last, which the kernel numbers in the order of the transaction', async () => {
    expect(
      await handlesOf(
        new Map([
          ['first', 40],
          ['last', 42],
        ]),
      ),
    ).toEqual([42, 41, 40])
  })

  it('are unknown when others were numbered between them, or the kernel did not tell', async () => {
    expect(
      await handlesOf(
        new Map([
          ['first', 40],
          ['last', 43],
        ]),
      ),
    ).toBeUndefined()
    expect(await handlesOf(new Map([['first', 40]]))).toBeUndefined()
  })
})
