import { type IpvsSocket, IpvsTransaction, NetlinkError, type OperationFailure } from '../../native/ipvs.ts'
import type { Pacer } from '../../util/pacer.ts'
import type { ServerChange } from './plan.ts'

/** A change that the kernel refused, and how. */
export interface RefusedChange {
  readonly change: ServerChange
  readonly failure: OperationFailure
}

/** What became of a list of changes: each is tried, whatever became of the others. */
export interface RequestResult {
  readonly made: readonly ServerChange[]
  readonly refused: readonly RefusedChange[]
  readonly error: NetlinkError | undefined
}

/** Sends all changes as one pipelined stream. Throws when that failed as a whole. */
export async function request(
  socket: IpvsSocket,
  changes: readonly ServerChange[],
  pacer: Pacer,
): Promise<RequestResult> {
  const transaction = new IpvsTransaction()
  for (const change of changes) {
    write(transaction, change)
    if (pacer.due()) await pacer.pause()
  }
  try {
    await socket.apply(transaction)
    return { made: changes, refused: [], error: undefined }
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
    const failures = new Map(error.failures.map((failure) => [failure.op, failure]))
    if (failures.size === 0 || failures.has(-1)) throw error
    const refused = changes.flatMap((change, op): RefusedChange[] => {
      const failure = failures.get(op)
      return failure === undefined ? [] : [{ change, failure }]
    })
    return { made: changes.filter((_, op) => !failures.has(op)), refused, error }
  }
}

function write(transaction: IpvsTransaction, change: ServerChange): void {
  switch (change.op) {
    case 'add-server':
      transaction.addService(change.server)
      break
    case 'change-server':
      transaction.changeService(change.server)
      break
    case 'delete-server':
      transaction.deleteService(change.server.key)
      break
    case 'add-dest':
      transaction.addDest(change.server.key, change.dest)
      break
    case 'change-dest':
      transaction.changeDest(change.server.key, change.dest)
      break
    case 'delete-dest':
      transaction.deleteDest(change.server.key, change.dest)
  }
}
