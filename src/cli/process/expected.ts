import { DataplaneError } from '../../dataplane/errors.ts'
import { CommandError } from '../command-error.ts'

/** A kernel, a permission or a file that is not there is no bug: it is said in one line. */
export async function expected<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof DataplaneError) throw new CommandError(error.code, error.message, { cause: error })
    if (error instanceof Error && 'code' in error && !(error instanceof CommandError))
      throw new CommandError(String(error.code), error.message, { cause: error })
    throw error
  }
}
