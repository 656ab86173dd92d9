/**
 * The floor of the programming benchmark: a process that replays recorded transactions from the native loop into a
 * fresh network namespace, and prints how long each took.
 */
import { NftablesSocket } from '../../src/native/nftables.ts'
import type { Floor } from './load.ts'
import { readRecording } from './recording.ts'

export interface FloorInput {
  readonly netns: string
  readonly recording: string
  /** The first batches of the recording, which make up the cold load. */
  readonly coldBatches: number
  /** Batches behind the cold load that only warm up. */
  readonly warmUpBatches: number
}

async function replay(input: FloorInput): Promise<Floor> {
  const batches = await readRecording(input.recording)
  const socket = await NftablesSocket.open({ netns: input.netns })
  const milliseconds = Array.from(await socket.replay(batches), (nanoseconds) => nanoseconds / 1e6)
  await socket.close()
  const cold = milliseconds.slice(0, input.coldBatches).reduce((sum, value) => sum + value, 0)
  return { cold, changes: milliseconds.slice(input.coldBatches + input.warmUpBatches) }
}

process.stdout.write(JSON.stringify(await replay(JSON.parse(process.argv[2] ?? ''))))
