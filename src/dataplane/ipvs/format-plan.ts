import { formatServer, formatVirtualServer, type RealServer } from '../../native/ipvs.ts'
import { addressLength } from '../../util/address.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { formatElement } from './elements.ts'
import { TABLE } from './layout.ts'
import type { Plan, ServerChange, ServerSettings } from './plan.ts'

/** The plan as lines in the order of their execution: virtual servers, the table in nft's language, addresses. */
export function formatPlan({ family, prepare, table, finish, addresses }: Plan): string[] {
  const where = `${nftFamily(family)} ${TABLE}`
  const bits = addressLength(family) * 8
  return [
    ...prepare.map(formatServerChange),
    ...(table.creation ? [`destroy table ${where}`, `add table ${where}`] : []),
    ...table.removed.map((element) => `delete element ${where} ${formatElement(element)}`),
    ...table.added.map((element) => `add element ${where} ${formatElement(element)}`),
    ...finish.map(formatServerChange),
    ...addresses.added.map((address) => `add address ${address}/${bits}`),
    ...addresses.removed.map((address) => `delete address ${address}/${bits}`),
  ]
}

/** `add-server TCP 10.96.0.1:80 rr persistent 600 s`, `add-dest TCP 10.96.0.1:80 10.1.0.2:8080 masq weight 1` */
export function formatServerChange(change: ServerChange): string {
  const what = `${change.op} ${formatVirtualServer(change.server.key)}`
  switch (change.op) {
    case 'add-server':
    case 'change-server':
      return `${change.op} ${formatSettings(change.server)}`
    case 'delete-server':
      return what
    case 'add-dest':
    case 'change-dest':
      return `${what} ${formatDest(change.dest)}`
    case 'delete-dest':
      return `${what} ${formatServer(change.dest)}`
  }
}

/** `TCP 10.96.0.1:80 rr persistent 600 s` */
export function formatSettings({ key, scheduler, flags, timeoutSeconds }: ServerSettings): string {
  const timeout = timeoutSeconds > 0 ? [`${timeoutSeconds} s`] : []
  return [formatVirtualServer(key), scheduler, ...flags, ...timeout].join(' ')
}

/** `10.1.0.2:8080 masq weight 1` */
export const formatDest = (dest: RealServer): string =>
  `${formatServer(dest)} ${dest.method} weight ${dest.weight}`
