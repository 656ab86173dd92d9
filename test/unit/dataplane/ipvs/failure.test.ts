import { describe, expect, it } from 'vitest'
import { frontendKey } from '../../../../src/dataplane/desired/frontend.ts'
import { failedTable, lacking, refusedRequests } from '../../../../src/dataplane/ipvs/failure.ts'
import type { ServerChange } from '../../../../src/dataplane/ipvs/plan.ts'
import type { RequestResult } from '../../../../src/dataplane/ipvs/requests.ts'
import { tableTransaction } from '../../../../src/dataplane/ipvs/table-transaction.ts'
import { openError } from '../../../../src/dataplane/kernel-failure.ts'
import { NetlinkError } from '../../../../src/native/ipvs.ts'
import { Pacer } from '../../../../src/util/pacer.ts'
import { ip } from '../../../support/addresses.ts'
import { configOf } from '../../../support/ipvs-frontends.ts'

const web = frontendKey(ip('10.96.0.1'), 'TCP', 80)
const key = { kind: 'address', protocol: 'TCP', address: ip('10.96.0.1'), port: 80 } as const
const dest = { address: ip('10.1.0.1'), port: 8080, method: 'masq', weight: 1 } as const

const addServer: ServerChange = {
  op: 'add-server',
  frontend: web,
  server: { key, scheduler: 'rr', flags: [], timeoutSeconds: 0 },
}
const addDest: ServerChange = { op: 'add-dest', frontend: web, server: { key }, dest }
const changeDest: ServerChange = { op: 'change-dest', frontend: web, server: { key }, dest }

const errorOf = (code: string, element?: number): NetlinkError =>
  new NetlinkError({
    code,
    errno: 1,
    reason: code,
    operation: 'do something',
    failures: [{ op: 0, errno: 1, code, message: code, ...(element === undefined ? {} : { element }) }],
  })

/** Each change refused with its code. */
const refusals = (...refused: readonly (readonly [ServerChange, string])[]): RequestResult => ({
  made: [],
  refused: refused.map(([change, code], op) => ({ change, failure: { op, errno: 1, code, message: code } })),
  error: errorOf(refused[0]?.[1] ?? ''),
})

describe('refused requests', () => {
  it('of nobody are no failure', () => {
    expect(refusedRequests({ made: [addServer], refused: [], error: undefined }, false)).toBeUndefined()
  })

  it('for a scheduler that the kernel lacks name the frontend, though its real servers fail for want of it', () => {
    const outcome = refusedRequests(refusals([addServer, 'ENOENT'], [addDest, 'ESRCH']), false)
    expect(outcome).toMatchObject({ kind: 'refused', frontends: new Set([web]) })
  })

  it.each([
    ['a virtual server that is there already', addServer, 'EEXIST'],
    ['a virtual server that is gone', addDest, 'ESRCH'],
    ['a real server that is gone', changeDest, 'ENOENT'],
  ] as const)('for %s say that the state is stale', (_, change, code) => {
    expect(refusedRequests(refusals([change, code]), false)).toMatchObject({ kind: 'stale' })
    expect(refusedRequests(refusals([change, code]), true)).toMatchObject({ kind: 'failed' })
  })

  it('without permission are a failure that says what to do', () => {
    expect(refusedRequests(refusals([addServer, 'EPERM']), false)).toMatchObject({
      kind: 'failed',
      error: { code: 'NO_PERMISSION' },
    })
  })
})

describe('a refused transaction of the table', async () => {
  const written = await tableTransaction(
    {
      creation: false,
      removed: [],
      added: [
        { set: 'frontends', address: ip('10.96.0.1'), protocol: 'TCP', port: 80, treatment: 'cluster' },
        { set: 'vips', address: ip('10.96.0.1') },
      ],
    },
    configOf('IPv4'),
    new Pacer(),
  )
  const outcome = (code: string, element?: number, creating = false) =>
    failedTable(errorOf(code, element), written, new Set([web]), creating)

  it('names the frontend of the element at fault', () => {
    expect(outcome('EINVAL', 0)).toMatchObject({ kind: 'refused', frontends: new Set([web]) })
  })

  it('for an element that is there already says that the state is stale', () => {
    expect(outcome('EEXIST', 0)).toMatchObject({ kind: 'stale' })
  })

  it('for want of an expression says what the kernel lacks', () => {
    expect(outcome('ENOENT', undefined, true)).toMatchObject({
      kind: 'failed',
      error: { code: 'NO_NFTABLES' },
    })
  })
})

describe('opening', () => {
  it('without IPVS says which modules to load', () => {
    expect(openError(errorOf('ERR_IPVS_UNAVAILABLE'), undefined, lacking)).toMatchObject({
      code: 'NO_IPVS',
      remedy: expect.stringContaining('modprobe -a ip_vs'),
    })
  })

  it('throws on what is no answer of the kernel', () => {
    const bug = new TypeError('bug')
    expect(openError(bug, undefined, lacking)).toBe(bug)
  })
})
