import { type FSWatcher, watch } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { LogLines, type LogSelection } from './log-lines.ts'
import { findTail } from './tail.ts'

export interface LogOptions extends LogSelection {
  /** As many of the last lines; undefined: from the beginning. */
  readonly tailLines: number | undefined
  /** Go on with what is written from now on, until the container has ended. */
  readonly follow: boolean
}

/** The container whose log it is, as far as it matters to who follows it. */
export interface LogWriter {
  /** It writes no more: what is in the file is all. */
  readonly ended: boolean
  /** Calls back when it has ended; returns what calls that off. */
  onEnded(listener: () => void): () => void
}

const BLOCK_BYTES = 64 * 1024

/**
 * Opens the log file of a container and reads what it printed, in pieces of up to a block, once somebody iterates over
 * them. Follows the file across its rotation: it is renamed, and another one has its name. Ends when `signal` is aborted.
 * Rejects with the file system's error (`ENOENT`: there is no such log).
 */
export async function readLog(
  path: string,
  options: LogOptions,
  writer: LogWriter,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  return piecesOf(path, new Reader(await open(path), options), options, writer, signal)
}

async function* piecesOf(
  path: string,
  reader: Reader,
  { follow, tailLines }: LogOptions,
  writer: LogWriter,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  let changes: Changes | undefined
  try {
    // Before the first look, so that nothing happens in between.
    if (follow) changes = new Changes(path, writer, signal)
    const size = await reader.size()
    if (tailLines !== undefined) await reader.seekTail(size, tailLines)
    if (changes === undefined) yield* reader.readTo(size)
    else yield* followLog(path, reader, writer, changes, signal)
    if (!reader.full && !signal.aborted) yield reader.end()
  } finally {
    changes?.close()
    await reader.close()
  }
}

async function* followLog(
  path: string,
  reader: Reader,
  writer: LogWriter,
  changes: Changes,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  for (;;) {
    // Asked first: what was written before its end is then read.
    const { ended } = writer
    yield* reader.readTo(Number.POSITIVE_INFINITY)
    if (reader.full || signal.aborted) return
    const successor = await successorOf(path, reader, ended)
    if (successor !== undefined) {
      // The runtime may have written on until it had the other one.
      yield* reader.readTo(Number.POSITIVE_INFINITY)
      await reader.goOnIn(successor)
    } else if (ended) return
    else await changes.next()
  }
}

/** The file that has the name by now, once the runtime writes to it; an empty one only counts for the last. */
async function successorOf(path: string, reader: Reader, ended: boolean): Promise<FileHandle | undefined> {
  const named = await stat(path).catch(() => undefined)
  if (named === undefined || named.ino === (await reader.inode()) || (named.size === 0 && !ended))
    return undefined
  return open(path).catch(() => undefined)
}

/** A position in a log file. */
class Reader {
  #file: FileHandle
  #position = 0
  readonly #lines: LogLines
  readonly #block = Buffer.allocUnsafe(BLOCK_BYTES)

  constructor(file: FileHandle, selection: LogSelection) {
    this.#file = file
    this.#lines = new LogLines(selection)
  }

  get full(): boolean {
    return this.#lines.full
  }

  async size(): Promise<number> {
    return (await this.#file.stat()).size
  }

  async inode(): Promise<number> {
    return (await this.#file.stat()).ino
  }

  async seekTail(size: number, lines: number): Promise<void> {
    this.#position = await findTail(this.#file, size, lines)
  }

  /** Reads what there is up to an offset. */
  async *readTo(end: number): AsyncGenerator<Buffer, void, void> {
    while (this.#position < end && !this.full) {
      const length = Math.min(BLOCK_BYTES, end - this.#position)
      const { bytesRead } = await this.#file.read(this.#block, 0, length, this.#position)
      if (bytesRead === 0) return
      this.#position += bytesRead
      const text = this.#lines.take(this.#block.subarray(0, bytesRead))
      if (text.length > 0) yield text
    }
  }

  end(): Buffer {
    return this.#lines.end()
  }

  async goOnIn(file: FileHandle): Promise<void> {
    await this.#file.close()
    this.#file = file
    this.#position = 0
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** Something has happened to a log file or its container since one last looked. */
class Changes {
  readonly #watcher: FSWatcher
  readonly #forget: () => void
  #happened = false
  #error: Error | undefined
  #wake: (() => void) | undefined

  constructor(path: string, writer: LogWriter, signal: AbortSignal) {
    const name = basename(path)
    const tell = (): void => this.#tell()
    // The folder: the file has another name once it is rotated.
    this.#watcher = watch(dirname(path), (_event, changed) => {
      if (changed === null || changed === name) tell()
    })
    this.#watcher.on('error', (error) => {
      this.#error = error
      tell()
    })
    const forgetEnd = writer.onEnded(tell)
    signal.addEventListener('abort', tell)
    this.#forget = () => {
      forgetEnd()
      signal.removeEventListener('abort', tell)
    }
  }

  /** Resolves at once when there has been something since the last call. Rejects when nothing will be heard any more. */
  async next(): Promise<void> {
    if (!this.#happened) await new Promise<void>((resolve) => (this.#wake = resolve))
    this.#happened = false
    if (this.#error !== undefined) throw this.#error
  }

  close(): void {
    this.#watcher.close()
    this.#forget()
  }

  #tell(): void {
    this.#happened = true
    this.#wake?.()
    this.#wake = undefined
  }
}
