import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LogOptions, readLog } from '../../../../src/kubelet/logs/read-log.ts'
import { eventually } from '../../../support/eventually.ts'

const OPTIONS: LogOptions = {
  ...{ sinceMs: undefined, timestamps: false, limitBytes: undefined, stream: undefined },
  ...{ tailLines: undefined, follow: false },
}

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-'))
  await mkdir(join(folder, 'main'))
  path = join(folder, 'main', '0.log')
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const record = (text: string): string => `2026-11-22T10:00:00.123456789Z stdout F ${text}\n`

/** A container, until it is ended. */
class Container {
  ended = false
  readonly listeners = new Set<() => void>()

  onEnded(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  end(): void {
    this.ended = true
    for (const listener of this.listeners) listener()
  }
}

/** Somebody who reads a log, with all that they have got. */
class Follower {
  text = ''
  readonly container = new Container()
  readonly abort = new AbortController()
  readonly done: Promise<void>

  constructor(options: Partial<LogOptions> = {}) {
    this.done = this.#read({ ...OPTIONS, follow: true, ...options })
    this.done.catch(() => undefined)
  }

  async #read(options: LogOptions): Promise<void> {
    for await (const piece of await readLog(path, options, this.container, this.abort.signal))
      this.text += piece.toString()
  }

  has(text: string): Promise<boolean> {
    return eventually(() => {
      if (this.text !== text) throw new Error(`read so far: ${JSON.stringify(this.text)}`)
      return true
    })
  }
}

describe('a log that is read once', () => {
  it('is all that there is, though its container runs on', async () => {
    await writeFile(path, record('one') + record('two'))
    const reader = new Follower({ follow: false })
    await reader.done
    expect(reader.text).toBe('one\ntwo\n')
    expect(reader.container.listeners.size).toBe(0)
  })

  it('is its last lines', async () => {
    await writeFile(path, record('one') + record('two') + record('three'))
    const reader = new Follower({ follow: false, tailLines: 2 })
    await reader.done
    expect(reader.text).toBe('two\nthree\n')
  })

  it('is refused where there is none', async () => {
    await expect(new Follower({ follow: false }).done).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('a log that is followed', () => {
  it('goes on with what is written, until its container has ended', async () => {
    await writeFile(path, record('one'))
    const follower = new Follower()
    await follower.has('one\n')
    await appendFile(path, record('two'))
    await follower.has('one\ntwo\n')
    follower.container.end()
    await follower.done
    expect(follower.container.listeners.size).toBe(0)
  })

  it('has what was written right before the end', async () => {
    await writeFile(path, '')
    const follower = new Follower()
    await eventually(() => follower.container.listeners.size > 0 || undefined)
    await appendFile(path, record('last words'))
    follower.container.end()
    await follower.done
    expect(follower.text).toBe('last words\n')
  })

  it('gives a line once it is whole', async () => {
    await writeFile(path, record('one').slice(0, -2))
    const follower = new Follower()
    await eventually(() => follower.container.listeners.size > 0 || undefined)
    await appendFile(path, `e\n${record('two')}`)
    await follower.has('one\ntwo\n')
    follower.container.end()
    await follower.done
  })

  it('begins with its last lines', async () => {
    await writeFile(path, record('one') + record('two'))
    const follower = new Follower({ tailLines: 0 })
    await eventually(() => follower.container.listeners.size > 0 || undefined)
    follower.container.end()
    await follower.done
    expect(follower.text).toBe('')
  })

  it('is followed across rotations, with nothing left out and nothing twice', async () => {
    await writeFile(path, record('one'))
    const follower = new Follower()
    await follower.has('one\n')
    for (const text of ['two', 'three']) {
      await rename(path, `${path}.${text}`)
      // The runtime writes to the renamed file until it has opened the new one.
      await appendFile(`${path}.${text}`, record(`before ${text}`))
      await writeFile(path, record(text))
      await eventually(() => follower.text.endsWith(`before ${text}\n${text}\n`) || undefined)
    }
    expect(follower.text).toBe('one\nbefore two\ntwo\nbefore three\nthree\n')
    follower.container.end()
    await follower.done
  })

  it('ends with its container where the last file is empty', async () => {
    await writeFile(path, record('one'))
    const follower = new Follower()
    await follower.has('one\n')
    await rename(path, `${path}.old`)
    await writeFile(path, '')
    follower.container.end()
    await follower.done
    expect(follower.text).toBe('one\n')
  })

  it('ends where as much is read as was asked for', async () => {
    await writeFile(path, record('one'))
    const follower = new Follower({ limitBytes: 6 })
    await follower.has('one\n')
    await appendFile(path, record('two'))
    await follower.done
    expect(follower.text).toBe('one\ntw')
  })

  it('ends when nobody reads it any more', async () => {
    await writeFile(path, record('one'))
    const follower = new Follower()
    await follower.has('one\n')
    follower.abort.abort()
    await follower.done
    expect(follower.container.listeners.size).toBe(0)
  })

  it('can be read to its end though its folder is gone', async () => {
    await writeFile(path, record('one'))
    const follower = new Follower()
    await follower.has('one\n')
    await rm(folder, { recursive: true })
    follower.container.end()
    await follower.done
    expect(follower.text).toBe('one\n')
  })
})
