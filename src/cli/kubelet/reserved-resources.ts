import type { ReservedResources } from '../../kubelet/node/resources.ts'
import { parseQuantity, toBytes, toMilli } from '../../sources/objects/quantity.ts'

export const NOTHING_RESERVED: ReservedResources = { cpuMilli: 0, memoryBytes: 0, storageBytes: 0 }

const RESOURCES = ['cpu', 'memory', 'ephemeral-storage']

/** `cpu=500m,memory=1Gi,ephemeral-storage=10Gi`, each at most once; undefined when it is none. */
export function parseReserved(text: string): ReservedResources | undefined {
  const amounts = new Map<string, number>()
  for (const part of text.split(',')) {
    const [, name = '', written = ''] = /^\s*([a-z-]+)=(\S+)\s*$/.exec(part) ?? []
    const amount = parseQuantity(written)
    if (amount === undefined || amounts.has(name) || !RESOURCES.includes(name)) return undefined
    amounts.set(name, amount)
  }
  const [cpu, memory, storage] = RESOURCES.map((name) => amounts.get(name))
  return {
    cpuMilli: cpu === undefined ? 0 : toMilli(cpu),
    memoryBytes: memory === undefined ? 0 : toBytes(memory),
    storageBytes: storage === undefined ? 0 : toBytes(storage),
  }
}

export const reservedTogether = (a: ReservedResources, b: ReservedResources): ReservedResources => ({
  cpuMilli: a.cpuMilli + b.cpuMilli,
  memoryBytes: a.memoryBytes + b.memoryBytes,
  storageBytes: a.storageBytes + b.storageBytes,
})
