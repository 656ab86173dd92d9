import { join, resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Change } from '../../model/change.ts'
import type { Problem } from '../../model/problem.ts'
import type { Logger } from '../../util/logger.ts'
import { Pacer } from '../../util/pacer.ts'
import type { SourceUpdate } from '../source-update.ts'
import { ALLOCATIONS, type Allocations, readAllocations, writeAllocations } from './allocation-memory.ts'
import type { PlacedService } from './cluster-ips.ts'
import { type AllocationRanges, type CompleteServices, completeServices } from './complete-services.ts'
import { diffObjects, type ObjectTable, tableKey } from './diff-objects.ts'
import { LastGoodFiles } from './last-good-files.ts'
import { mergeFiles } from './merge-files.ts'
import { type ManifestFile, parseFile } from './parse-file.ts'
import { type FolderReading, type ReadFile, readFolder } from './read-folder.ts'
import { type FolderWatch, watchFolder } from './watch-folder.ts'

export interface FileSourceOptions {
  readonly folder: string
  /** Part of every pod's uid, as in the kubelet's static pods: two nodes on one machine never share a cgroup. */
  readonly nodeName: string
  readonly ranges: AllocationRanges
  /** Where what was given out, and each file's last good state, are kept over restarts. */
  readonly stateDir: string
  readonly log: Logger
  /** Hears the whole folder once before `open` resolves, then what changed. Must not throw. */
  readonly onUpdate: (update: SourceUpdate) => void
}

/** A folder of manifests as a source of the model: what stands in its files now is what should be. */
export class FileSource {
  readonly #options: FileSourceOptions
  readonly #lastGood: LastGoodFiles
  readonly #allocationsFile: string
  readonly #files = new Map<string, ManifestFile>()
  readonly #signatures = new Map<string, string>()
  #allocations: Allocations
  readonly #allocationsProblem: Problem | undefined
  #folderProblem: Problem | undefined
  #last: { placed: readonly PlacedService[]; complete: CompleteServices | undefined } = {
    placed: [],
    complete: undefined,
  }
  #table: ObjectTable = new Map()
  #problems: readonly Problem[] = []
  #watch: FolderWatch | undefined

  private constructor(
    options: FileSourceOptions,
    lastGood: LastGoodFiles,
    allocations: Allocations,
    problem: Problem | undefined,
  ) {
    this.#options = options
    this.#lastGood = lastGood
    this.#allocationsFile = join(options.stateDir, ALLOCATIONS)
    this.#allocations = allocations
    this.#allocationsProblem = problem
  }

  /** Reads the folder, tells the listener, and goes on watching. Throws when the folder cannot be listed. */
  static async open(options: FileSourceOptions): Promise<FileSource> {
    const { allocations, problem } = await readAllocations(join(options.stateDir, ALLOCATIONS))
    const lastGood = await LastGoodFiles.open(join(options.stateDir, 'last-good'), options.folder)
    const source = new FileSource(options, lastGood, allocations, problem)
    let first: Promise<void> | undefined
    // Watching begins before reading, so that no change falls between the two.
    source.#watch = watchFolder(options.folder, async (names) => {
      await first
      await source.#look(names)
    })
    try {
      first = readFolder(options.folder, new Map(), new Set()).then((reading) => source.#apply(reading, true))
      await first
    } catch (error) {
      source.close()
      throw error
    }
    return source
  }

  get problems(): readonly Problem[] {
    return this.#problems
  }

  /** Every object as it was last said. */
  objects(): readonly Change[] {
    return [...this.#table.values()]
  }

  close(): void {
    this.#watch?.close()
  }

  async #look(names: ReadonlySet<string>): Promise<void> {
    const before = this.#folderProblem
    const reading = await this.#list(names)
    if (reading !== undefined) await this.#apply(reading, before !== undefined)
    else if (before?.reason !== this.#folderProblem?.reason) await this.#settle()
  }

  async #list(names: ReadonlySet<string>): Promise<FolderReading | undefined> {
    this.#folderProblem = undefined
    try {
      return await readFolder(this.#options.folder, this.#signatures, names)
    } catch (error) {
      this.#folderProblem = {
        place: resolve(this.#options.folder),
        reason: `the folder cannot be read: ${error instanceof Error ? error.message : error}`,
        remedy: 'its last state stays in force',
        severity: 'error',
      }
      return undefined
    }
  }

  async #apply(reading: FolderReading, settleAnyway: boolean): Promise<void> {
    let changed = settleAnyway
    const present = new Set(reading.names)
    for (const name of [...this.#files.keys()]) {
      if (present.has(name)) continue
      this.#files.delete(name)
      this.#signatures.delete(name)
      changed = true
    }
    const pacer = new Pacer()
    for (const file of reading.changed) {
      this.#signatures.set(file.name, file.signature)
      changed = (await this.#take(file, pacer)) || changed
    }
    if (!changed) return
    await this.#keepCopies(() => this.#lastGood.keepOnly(present))
    await this.#settle()
  }

  /** Parses a file that was read; false when it says what it said before. */
  async #take(read: ReadFile, pacer: Pacer): Promise<boolean> {
    const previous = this.#files.get(read.name)
    let file = await this.#parse(read, previous, pacer)
    if (!hasErrors(file)) {
      const { name, bytes } = read
      if (!(bytes instanceof Error)) await this.#keepCopies(() => this.#lastGood.save(name, bytes))
    } else if (previous === undefined) {
      // Broken while nobody looked: a former process may have known it when it was well.
      const bytes = await this.#lastGood.load(read.name)
      if (bytes !== undefined)
        file = await this.#parse(read, await this.#parse({ ...read, bytes }, undefined, pacer), pacer)
    }
    this.#files.set(read.name, file)
    return previous?.digest !== file.digest
  }

  async #parse(
    { name, bytes }: ReadFile,
    previous: ManifestFile | undefined,
    pacer: Pacer,
  ): Promise<ManifestFile> {
    if (!(bytes instanceof Error))
      return parseFile(name, bytes, { nodeName: this.#options.nodeName, previous, pacer })
    const problem: Problem = { place: name, reason: `cannot be read: ${bytes.message}`, severity: 'error' }
    return { name, digest: '', objects: previous?.objects ?? [], problems: [problem] }
  }

  async #keepCopies(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#options.log.warn({ error }, 'copies of the manifests cannot be kept for a restart')
    }
  }

  /** Works out what should be now, and tells the listener what changed. */
  async #settle(): Promise<void> {
    const folder = mergeFiles(this.#files.values())
    const table = new Map<string, Change>()
    const placed: PlacedService[] = []
    for (const { changes, place } of folder.objects.values()) {
      for (const change of changes) {
        if (change.kind === 'Service' && change.object !== undefined)
          placed.push({ service: change.object, place })
        else table.set(tableKey(change), change)
      }
    }
    // With ten thousand Services each of these steps takes its share of the event loop: others come in between.
    await setImmediate()
    const { services, allocations, problems } = this.#complete(placed)
    for (const [name, object] of services) {
      const change: Change = { kind: 'Service', name, object }
      table.set(tableKey(change), change)
    }
    // One that now asks for what it cannot have keeps what it had.
    for (const { service } of placed) {
      const key = `Service ${service.name}`
      const before = services.has(service.name) ? undefined : this.#table.get(key)
      if (before !== undefined) table.set(key, before)
    }
    await this.#remember(allocations)
    await setImmediate()
    const changes = diffObjects(this.#table, table)
    this.#table = table
    this.#problems = [
      ...(this.#folderProblem === undefined ? [] : [this.#folderProblem]),
      ...(this.#allocationsProblem === undefined ? [] : [this.#allocationsProblem]),
      ...folder.problems,
      ...problems,
    ]
    this.#options.onUpdate({ changes, problems: this.#problems })
  }

  /** Addresses are looked at only when there is another Service, or one has changed. */
  #complete(placed: readonly PlacedService[]): CompleteServices {
    const { placed: before, complete } = this.#last
    const same = placed.every(
      ({ service, place }, index) => before[index]?.service === service && before[index]?.place === place,
    )
    if (complete !== undefined && same && placed.length === before.length) return complete
    const now = completeServices(placed, this.#allocations, this.#options.ranges)
    this.#last = { placed, complete: now }
    return now
  }

  /** Written before the listener hears of an address, so that no crash can lose one that was in use. */
  async #remember(allocations: Allocations): Promise<void> {
    const before = this.#allocations
    if (before === allocations) return
    this.#allocations = allocations
    if (
      sameEntries(before.clusterIPs, allocations.clusterIPs) &&
      sameEntries(before.nodePorts, allocations.nodePorts)
    )
      return
    try {
      await writeAllocations(this.#allocationsFile, allocations)
    } catch (error) {
      this.#options.log.error(
        { error, file: this.#allocationsFile },
        'cannot remember which cluster IPs were given out: after a restart they may differ',
      )
    }
  }
}

const hasErrors = (file: ManifestFile): boolean =>
  file.problems.some((problem) => problem.severity === 'error')

function sameEntries<Value>(a: ReadonlyMap<string, Value>, b: ReadonlyMap<string, Value>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}
