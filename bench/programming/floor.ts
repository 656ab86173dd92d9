/**
 * The floor of the programming benchmark: a process that replays recorded transactions from the native loop into a
 * fresh network namespace, and prints how long each took.
 */
import { NftablesSocket } from '../../src/native/nftables.ts'
import { enterMemoryGroup, type MemoryGroup } from '../memory-group.ts'
import type { ChangeTime, Floor } from './load.ts'
import type { Purpose } from './recorder.ts'
import { readRecording } from './recording.ts'

export interface FloorInput {
  readonly netns: string
  readonly recording: string
  /** Of each batch of the recording. */
  readonly purposes: readonly Purpose[]
  readonly memory: MemoryGroup | undefined
}

async function replay({ netns, recording, purposes, memory }: FloorInput): Promise<Floor> {
  const batches = await readRecording(recording)
  const kernelMib = memory === undefined ? undefined : await enterMemoryGroup(memory)
  const socket = await NftablesSocket.open({ netns })
  const coldBatches = purposes.filter((purpose) => purpose === 'cold').length
  const before = await kernelMib?.()
  const coldTimes = await socket.replay(batches.slice(0, coldBatches))
  const after = await kernelMib?.()
  const times = [...coldTimes, ...(await socket.replay(batches.slice(coldBatches)))]
  await socket.close()
  let cold = 0
  const changes: ChangeTime[] = []
  const together: number[] = []
  for (const [index, nanoseconds] of times.entries()) {
    const purpose = purposes[index] ?? 'other'
    const ms = nanoseconds / 1e6
    if (purpose === 'cold') cold += ms
    else if (purpose === 'batch') together.push(ms)
    else if (purpose !== 'other') changes.push({ kind: purpose, ms })
  }
  return {
    cold,
    changes,
    batches: together,
    kernelMib: before === undefined || after === undefined ? undefined : after - before,
  }
}

process.stdout.write(JSON.stringify(await replay(JSON.parse(process.argv[2] ?? ''))))
