import { closeSync, openSync, readSync } from 'node:fs'

/** More than memory.stat of any kernel so far has. */
const BUFFER_BYTES = 32 << 10

/**
 * Small files of the kernel that are read again and again. They stay open and are read in place: a figure costs 6 µs of
 * the event loop so, 14 µs with an open and a close around it, and 75 µs as a promise from libuv's pool, which would
 * have to wait for disks besides. An open file of a cgroup does not keep that from being removed.
 */
export class KeptFiles {
  readonly #files = new Map<string, { fd: number; round: number }>()
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  #round = 0

  /** The whole file; undefined when it does not exist. */
  read(path: string): string | undefined {
    const known = this.#files.get(path)
    if (known !== undefined) {
      known.round = this.#round
      const text = this.#readFrom(known.fd)
      if (text !== undefined) return text
      // Its cgroup was removed; perhaps there is another one of that name.
      this.#close(path, known.fd)
    }
    const fd = open(path)
    if (fd === undefined) return undefined
    const text = this.#readFrom(fd)
    if (text === undefined) closeSync(fd)
    else this.#files.set(path, { fd, round: this.#round })
    return text
  }

  /** Lets go of the files that nobody has read since the last call. */
  sweep(): void {
    for (const [path, { fd, round }] of this.#files) if (round !== this.#round) this.#close(path, fd)
    this.#round += 1
  }

  close(): void {
    for (const [path, { fd }] of this.#files) this.#close(path, fd)
  }

  #close(path: string, fd: number): void {
    this.#files.delete(path)
    closeSync(fd)
  }

  #readFrom(fd: number): string | undefined {
    try {
      return this.#buffer.toString('latin1', 0, readSync(fd, this.#buffer, 0, BUFFER_BYTES, 0))
    } catch (error) {
      if (hasCode(error, 'ENODEV')) return undefined
      throw error
    }
  }
}

function open(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENODEV')) return undefined
    throw error
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
