import { cpus, loadavg, release, totalmem } from 'node:os'

/** Where figures were taken: they compare only within one host, and only within one run when it was busy. */
export interface Host {
  readonly cpu: string
  readonly cores: number
  readonly memory_mib: number
  readonly kernel: string
  readonly node: string
  /** Processes that wanted a core in the minute before: well above 0 means that something ran beside. */
  readonly load_before: number
}

export function describeHost(): Host {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memory_mib: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
    load_before: loadavg()[0] ?? 0,
  }
}

export const hostLine = (host: Host): string =>
  `${host.cores} x ${host.cpu}, ${host.memory_mib} MiB, Linux ${host.kernel}, Node ${host.node}, ` +
  `load ${host.load_before.toFixed(2)} before`
