import type { ForeignChanges, NftMonitor } from '../native/nft-monitor.ts'

/** Says when somebody else has changed what is ours in the kernel. */
export interface Watch {
  /** What is watched: `nf_tables`. */
  readonly what: string
  /** Resolves at the next such change, with what it was in words; undefined when there will be no more. */
  next(): Promise<readonly string[] | undefined>
}

/** Watches tables by the kernel's own notifications. */
export const watchTables = (monitor: NftMonitor): Watch => ({
  what: 'nf_tables',
  async next() {
    const told = await monitor.next()
    if (told === undefined) return undefined
    return [...(told.lost ? ['changes that were lost'] : []), ...told.changes.map(describe)]
  },
})

const describe = ({ family, name, program, threadId, portId }: ForeignChanges['changes'][number]): string =>
  `table ${family} ${name} by ${program === '' ? `netlink port ${portId}` : `${program}[${threadId}]`}`
