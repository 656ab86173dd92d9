/**
 * The first process of the programming benchmark: runs the load once, unmeasured, and writes the bytes of every
 * transaction to a file for the floor to replay.
 */
import { createRegistry } from '../../src/metrics/registry.ts'
import { NftablesSocket } from '../../src/native/nftables.ts'
import { type DriveInput, drive } from './drive.ts'
import { writeRecording } from './recording.ts'
import type { StepKind } from './steps.ts'

export interface RecorderInput extends DriveInput {
  readonly recording: string
}

/** What each transaction of the recording was for: the cold load, one change, a batch of them or what is not counted. */
export type Purpose = 'cold' | StepKind | 'batch' | 'other'

async function record(input: RecorderInput): Promise<readonly Purpose[]> {
  const batches = recordCommits()
  const purposes: Purpose[] = []
  const name = async (purpose: Purpose, commit: () => Promise<void>): Promise<void> => {
    await commit()
    while (purposes.length < batches.length) purposes.push(purpose)
  }
  await drive(input, createRegistry('bench'), {
    cold: (commit) => name('cold', commit),
    change: (commit, kind) => name(kind ?? 'other', commit),
    batch: (commit, counted) => name(counted ? 'batch' : 'other', commit),
  })
  await writeRecording(input.recording, batches)
  return purposes
}

/**
 * Encodes every transaction that this process commits from now on a second time, into the returned list; without a
 * check of the generation, which another namespace counts for itself.
 */
function recordCommits(): Uint8Array[] {
  const batches: Uint8Array[] = []
  const { commit } = NftablesSocket.prototype
  NftablesSocket.prototype.commit = async function (tx, options) {
    batches.push(await this.encode(tx, { echo: options?.echo === true }))
    return commit.call(this, tx, options)
  }
  return batches
}

process.stdout.write(JSON.stringify(await record(JSON.parse(process.argv[2] ?? ''))))
