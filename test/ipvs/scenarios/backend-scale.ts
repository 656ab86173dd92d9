/** Programs many Services, changes one, and prints what that took in system calls and netlink messages. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Endpoint, Frontend } from '../../../src/dataplane/desired/frontend.ts'
import { IpvsBackend } from '../../../src/dataplane/ipvs/ipvs-backend.ts'
import { ip } from '../../support/addresses.ts'
import { configOf, frontend, pod } from '../../support/ipvs-frontends.ts'

interface Cost {
  readonly messages: number
  readonly syscalls: number
}

export interface ScaleObservations {
  readonly objects: Readonly<Record<string, number>>
  readonly cold: Cost
  /** By what is changed, with all the others there. */
  readonly change: Readonly<
    Record<'endpoint added' | 'endpoint removed' | 'endpoint replaced' | 'endpoint of this node added', Cost>
  >
  /** What nft makes of the table. */
  readonly table: string
  /** A new process finds everything as it should be. */
  readonly takeover: Cost
}

const SERVICES = 500

const endpoint = (index: number): Endpoint => ({
  address: ip(`10.2.0.${index}`),
  port: 8080,
  local: false,
  mayHairpin: false,
})
const service = (index: number, endpoints: readonly number[]) =>
  frontend(`10.96.${index >> 8}.${index & 255}`, 80, endpoints.map(endpoint))

async function costOf(backend: IpvsBackend, work: () => Promise<{ kind: string }>): Promise<Cost> {
  const before = backend.stats()
  const { kind } = await work()
  if (kind !== 'committed') throw new Error(`the kernel said ${kind}`)
  const after = backend.stats()
  return { messages: after.messages - before.messages, syscalls: after.syscalls - before.syscalls }
}

const all = Array.from({ length: SERVICES }, (_, index) => service(index, [1, 2, 3, 4, 5]))
const first = await IpvsBackend.open(configOf('IPv4'), undefined)
const cold = await costOf(first, () => first.rebuild(all))
const objects = Object.fromEntries(first.objects())
const changeTo = (wanted: Frontend, ...more: readonly Endpoint[]): Promise<Cost> => {
  const changed = { ...wanted, endpoints: [...wanted.endpoints, ...more] }
  return costOf(first, () => first.update(new Map([[changed.key, changed]])))
}
const change = (...endpoints: readonly number[]): Promise<Cost> => changeTo(service(7, endpoints))
const costs = {
  'endpoint added': await change(1, 2, 3, 4, 5, 6),
  'endpoint removed': await change(1, 2, 3, 4, 5),
  'endpoint replaced': await change(1, 2, 3, 4, 7),
  'endpoint of this node added': await changeTo(service(7, [1, 2, 3, 4, 7]), pod(1)),
}
await change(1, 2, 3, 4, 7)
const { stdout: table } = await promisify(execFile)('nft', ['-t', 'list', 'table', 'ip', 'hawser-ipvs'])
await first.close()
const second = await IpvsBackend.open(configOf('IPv4'), undefined)
const unchanged = all.map((one, index) => (index === 7 ? service(7, [1, 2, 3, 4, 7]) : one))
const takeover = await costOf(second, () => second.rebuild(unchanged))
const observations: ScaleObservations = { objects, cold, change: costs, table, takeover }
console.log(JSON.stringify(observations))
await second.close()
