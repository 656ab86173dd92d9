import { readFile, rename, writeFile } from 'node:fs/promises'
import * as v from 'valibot'
import type { Problem } from '../../model/problem.ts'

/** What was allocated, for Services that are there and for those that may come back. */
export interface Allocations {
  /** By `namespace/name/IPv4`. */
  readonly clusterIPs: ReadonlyMap<string, string>
  /** By `namespace/name/TCP/80`: a node port belongs to one protocol and port of a Service. */
  readonly nodePorts: ReadonlyMap<string, number>
}

/** The name of the memory file in a state folder. */
export const ALLOCATIONS = 'allocations.json'

export const noAllocations: Allocations = { clusterIPs: new Map(), nodePorts: new Map() }

const schema = v.object({
  clusterIPs: v.record(v.string(), v.string()),
  nodePorts: v.record(v.string(), v.number()),
})

/** Reads the memory file; one that is not there is empty, one that cannot be read is so too, with a Problem. */
export async function readAllocations(
  path: string,
): Promise<{ allocations: Allocations; problem: Problem | undefined }> {
  try {
    const read = v.parse(schema, JSON.parse(await readFile(path, 'utf8')))
    const allocations = {
      clusterIPs: new Map(Object.entries(read.clusterIPs)),
      nodePorts: new Map(Object.entries(read.nodePorts)),
    }
    return { allocations, problem: undefined }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return { allocations: noAllocations, problem: undefined }
    const problem: Problem = {
      place: path,
      reason: `cannot read which cluster IPs were given out: ${error instanceof Error ? error.message : error}`,
      remedy: 'they are given out anew',
      severity: 'warning',
    }
    return { allocations: noAllocations, problem }
  }
}

/** Writes beside and renames over, so that a crash leaves the old file or the new one. */
export async function writeAllocations(path: string, allocations: Allocations): Promise<void> {
  const text = JSON.stringify(
    {
      clusterIPs: Object.fromEntries(allocations.clusterIPs),
      nodePorts: Object.fromEntries(allocations.nodePorts),
    },
    undefined,
    1,
  )
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
