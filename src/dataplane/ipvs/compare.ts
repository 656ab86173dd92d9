import { formatVirtualServer } from '../../native/ipvs.ts'
import { nftFamily } from '../nftables/layout.ts'
import { eachRecord } from '../nftables/records.ts'
import { tableChains } from './chains.ts'
import { type Element, elementsOf, formatElement } from './elements.ts'
import type { IpvsConfig } from './ipvs-config.ts'
import type { IpvsState, ProgrammedDest, ProgrammedServer } from './ipvs-state.ts'
import { SET_NAMES, setLayout, TABLE } from './layout.ts'
import { observe, type Sockets } from './observe.ts'
import { sameSettings } from './plan-builder.ts'
import { packElements } from './records.ts'
import { needsShortCircuit } from './virtual-servers.ts'

/** Differences named one by one; how many more there are is said as a number. */
const NAMED_DIFFERENCES = 5

/** Says in words how the kernel differs from the state; nothing when it does not. For the audit only. */
export async function compareWithKernel(
  sockets: Sockets,
  config: IpvsConfig,
  state: IpvsState,
): Promise<string[]> {
  const { state: found } = await observe(sockets, config, [...state.frontends.values()])
  return [
    ...shorten(compareServers(state, found)),
    ...shorten(compareAddresses(state, found)),
    ...(await compareTable(sockets, config, state)),
  ]
}

const shorten = (differences: readonly string[]): string[] => {
  const shown = differences.slice(0, NAMED_DIFFERENCES)
  return differences.length > shown.length
    ? [...shown, `${differences.length - shown.length} more such differences`]
    : shown
}

function compareServers(state: IpvsState, found: IpvsState): string[] {
  const differences: string[] = []
  for (const [name, server] of state.servers) {
    const present = found.servers.get(name)
    if (present === undefined) differences.push(`virtual server ${name} is gone`)
    else differences.push(...compareServer(server, present))
  }
  for (const name of found.servers.keys())
    if (!state.servers.has(name)) differences.push(`virtual server ${name} is not ours`)
  return differences
}

function compareServer(server: ProgrammedServer, present: ProgrammedServer): string[] {
  const name = formatVirtualServer(server.settings.key)
  const differences: string[] = []
  if (!sameSettings(server.settings, present.settings))
    differences.push(`virtual server ${name} has other settings`)
  for (const [place, dest] of server.dests) {
    const other = present.dests.get(place)
    if (other === undefined) differences.push(`virtual server ${name} lacks real server ${place}`)
    else if (!sameDest(dest, other)) differences.push(`real server ${place} of ${name} is another`)
  }
  for (const place of present.dests.keys())
    if (!server.dests.has(place)) differences.push(`virtual server ${name} has foreign real server ${place}`)
  return differences
}

const sameDest = (a: ProgrammedDest, b: ProgrammedDest): boolean =>
  a.weight === b.weight && a.method === b.method

function compareAddresses(state: IpvsState, found: IpvsState): string[] {
  const gone = [...state.addresses].filter((address) => !found.addresses.has(address))
  const foreign = [...found.addresses].filter((address) => !state.addresses.has(address))
  return [
    ...gone.map((address) => `VIP ${address} is gone`),
    ...foreign.map((address) => `VIP ${address} is not ours`),
  ]
}

async function compareTable(sockets: Sockets, config: IpvsConfig, state: IpvsState): Promise<string[]> {
  const family = nftFamily(config.family)
  const socket = sockets.nftables
  const tables = await socket.dumpTables(family)
  if (!tables.some(({ name }) => name === TABLE)) return [`table ${family} ${TABLE} is gone`]
  const expected = new Map(tableChains(config).map(({ name, rules }) => [name, rules.length]))
  const rules = await socket.dumpRules(family, TABLE)
  const differences: string[] = []
  for (const { name } of await socket.dumpChains(family, TABLE)) {
    const count = rules.filter(({ chain }) => chain === name).length
    if (expected.get(name) !== count) differences.push(`chain ${name} has other rules`)
    expected.delete(name)
  }
  for (const name of expected.keys()) differences.push(`chain ${name} is gone`)
  const elements = stateElements(config, state)
  for (const set of SET_NAMES) {
    const layout = setLayout(set, config.family)
    const bytes = await socket.dumpElements(family, TABLE, set, layout)
    const found = new Set(
      [...eachRecord({ ...layout, count: bytes.length / layout.width, bytes })].map(toText),
    )
    const own = elements.filter((element) => element.set === set)
    const missing = own.filter(
      (element) => !found.delete(toText(packElements([element], config.family, 'elements').bytes)),
    )
    differences.push(...shorten(missing.map((element) => `table lacks ${formatElement(element)}`)))
    if (found.size > 0) differences.push(`set ${set} has ${found.size} foreign elements`)
  }
  return differences
}

function stateElements({ nodeAddresses }: IpvsConfig, state: IpvsState): Element[] {
  return [
    ...[...state.frontends.values()].flatMap((frontend) =>
      elementsOf(
        frontend,
        nodeAddresses,
        needsShortCircuit(frontend) ? state.marks.get(frontend.key) : undefined,
      ),
    ),
    ...[...state.vips.keys()].map((address): Element => ({ set: 'vips', address })),
    ...[...state.hairpins.keys()].map((address): Element => ({ set: 'hairpin', address })),
  ]
}

/** A byte a character: the shortest key that a Set can compare by value. */
const toText = (record: Uint8Array): string =>
  Buffer.from(record.buffer, record.byteOffset, record.length).toString('latin1')
