import { readFile, writeFile } from 'node:fs/promises'
import type { Teardown } from '../teardown.ts'

const FILE = '/proc/sys/net/netfilter/nf_conntrack_max'

/** Makes sure that tables may have `entries` entries; the limit is the whole machine's, and is put back at the end. */
export async function allowEntries(entries: number, teardown: Teardown): Promise<void> {
  const before = (await readFile(FILE, 'utf8')).trim()
  if (Number(before) >= entries) return
  teardown.add(() => writeFile(FILE, before))
  await writeFile(FILE, String(entries))
}
