import type { CgroupLayout, Hierarchy } from './cgroup-layout.ts'
import type { KeptFiles } from './kept-files.ts'

/** How a cgroup's CPU quota was enforced. */
export interface Throttling {
  readonly periods: number
  readonly throttledPeriods: number
  readonly throttledSeconds: number
}

/** What a cgroup read from and wrote to one block device. */
export interface DeviceActivity {
  /** `major:minor` */
  readonly device: string
  readonly readBytes: number
  readonly writtenBytes: number
  readonly reads: number
  readonly writes: number
}

/** Undefined when there is no such cgroup, or nothing enforces quotas. */
export function readThrottling(
  files: KeptFiles,
  { quota }: CgroupLayout,
  path: string,
): Throttling | undefined {
  const text = quota === undefined ? undefined : files.read(`${quota.root}${path}/cpu.stat`)
  if (text === undefined) return undefined
  const counts = new Map(text.split('\n').map((line) => splitAt(line, ' ')))
  const count = (name: string): number => Number(counts.get(name) ?? 0)
  return {
    periods: count('nr_periods'),
    throttledPeriods: count('nr_throttled'),
    throttledSeconds: quota?.version === 1 ? count('throttled_time') / 1e9 : count('throttled_usec') / 1e6,
  }
}

/** Empty when there is no such cgroup, or nobody counts. */
export function readActivity(
  files: KeptFiles,
  { io }: CgroupLayout,
  path: string,
): readonly DeviceActivity[] {
  if (io === undefined) return []
  return io.version === 1 ? readBlkio(files, io, path) : readIoStat(files, io, path)
}

/** Lines `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`. */
function readIoStat(files: KeptFiles, { root }: Hierarchy, path: string): readonly DeviceActivity[] {
  const lines = (files.read(`${root}${path}/io.stat`) ?? '').split('\n')
  return lines.flatMap((line) => {
    const [device = '', ...fields] = line.split(' ')
    if (fields.length === 0) return []
    const counts = new Map(fields.map((field) => splitAt(field, '=')))
    const count = (name: string): number => Number(counts.get(name) ?? 0)
    return [
      {
        device,
        readBytes: count('rbytes'),
        writtenBytes: count('wbytes'),
        reads: count('rios'),
        writes: count('wios'),
      },
    ]
  })
}

/** Lines `8:0 Read 4096`, bytes in one file and requests in another. */
function readBlkio(files: KeptFiles, { root }: Hierarchy, path: string): readonly DeviceActivity[] {
  const counts = (file: string): ReadonlyMap<string, number> =>
    new Map(
      (files.read(`${root}${path}/blkio.throttle.${file}_recursive`) ?? '')
        .split('\n')
        .map((line) => /^(\d+:\d+) (Read|Write) (\d+)$/.exec(line))
        .filter((match) => match !== null)
        .map(([, device, kind, count]) => [`${device} ${kind}`, Number(count)]),
    )
  const [bytes, requests] = [counts('io_service_bytes'), counts('io_serviced')]
  const devices = new Set([...bytes.keys()].map((key) => splitAt(key, ' ')[0]))
  return [...devices].map((device) => ({
    device,
    readBytes: bytes.get(`${device} Read`) ?? 0,
    writtenBytes: bytes.get(`${device} Write`) ?? 0,
    reads: requests.get(`${device} Read`) ?? 0,
    writes: requests.get(`${device} Write`) ?? 0,
  }))
}

function splitAt(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
