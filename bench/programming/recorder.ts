/**
 * The first process of the programming benchmark: runs the load once, unmeasured, and writes the bytes of every
 * transaction to a file for the floor to replay.
 */
import { createRegistry } from '../../src/metrics/registry.ts'
import { NftablesSocket } from '../../src/native/nftables.ts'
import { type DriveInput, drive } from './drive.ts'
import { writeRecording } from './recording.ts'

export interface RecorderInput extends DriveInput {
  readonly recording: string
}

export interface Recorded {
  /** How many transactions the cold load and the changes that warm up took. */
  readonly coldBatches: number
  readonly warmUpBatches: number
}

async function record(input: RecorderInput): Promise<Recorded> {
  const batches = recordCommits()
  let coldBatches = 0
  let warmUpBatches = 0
  await drive(input, createRegistry('bench'), {
    async cold(commit) {
      await commit()
      coldBatches = batches.length
    },
    async change(commit, counted) {
      await commit()
      if (!counted) warmUpBatches = batches.length - coldBatches
    },
  })
  await writeRecording(input.recording, batches)
  return { coldBatches, warmUpBatches }
}

/** Encodes every transaction that this process commits from now on a second time, into the returned list. */
function recordCommits(): Uint8Array[] {
  const batches: Uint8Array[] = []
  const { commit } = NftablesSocket.prototype
  NftablesSocket.prototype.commit = async function (tx, options) {
    batches.push(await this.encode(tx, options))
    return commit.call(this, tx, options)
  }
  return batches
}

process.stdout.write(JSON.stringify(await record(JSON.parse(process.argv[2] ?? ''))))
