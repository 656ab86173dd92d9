import { isDeepStrictEqual } from 'node:util'
import type { Change } from '../../model/change.ts'
import type { ObjectName } from '../../model/object-name.ts'
import type { Problem } from '../../model/problem.ts'
import { errorMessage } from '../../util/error-message.ts'
import { Pacer } from '../../util/pacer.ts'
import { type FileContent, readDocuments } from '../files/read-documents.ts'
import { type ReadFile, readFolder } from '../files/read-folder.ts'
import { type FolderWatch, watchFolder } from '../files/watch-folder.ts'
import { formatPath } from '../objects/object-path.ts'
import type { SourceUpdate } from '../source-update.ts'
import { parseStaticPod, type StaticPod } from './static-pod.ts'

export interface StaticPodSourceOptions {
  /** Need not be there: what is not there holds no pods. */
  readonly folder: string
  readonly nodeName: string
  /** ms since the epoch. */
  readonly now: () => number
  /** Hears the whole folder once before `open` resolves, then what changed. Must not throw. */
  readonly onUpdate: (update: SourceUpdate) => void
}

/** What a file says, and what is wrong with it. */
interface PodFile {
  readonly seen: string
  readonly pods: readonly StaticPod[]
  readonly problems: readonly Problem[]
}

/**
 * The node's own pods, from a folder of manifests: they run whether or not there is an API server. A file that cannot be
 * read any more keeps what it said.
 */
export class StaticPodSource {
  readonly #options: StaticPodSourceOptions
  readonly #files = new Map<string, PodFile>()
  readonly #signatures = new Map<string, string>()
  #pods: ReadonlyMap<ObjectName, StaticPod> = new Map()
  #problems: readonly Problem[] = []
  #watch: FolderWatch | undefined
  #said = false

  private constructor(options: StaticPodSourceOptions) {
    this.#options = options
  }

  /** Reads the folder, tells the listener, and goes on watching. */
  static async open(options: StaticPodSourceOptions): Promise<StaticPodSource> {
    const source = new StaticPodSource(options)
    let first: Promise<void> | undefined
    // Watching begins before reading, so that no change falls between the two.
    source.#watch = watchFolder(options.folder, async (names) => {
      await first
      await source.#look(names)
    })
    first = source.#look(new Set())
    await first
    return source
  }

  /** By the names that they have on this node. */
  get pods(): ReadonlyMap<ObjectName, StaticPod> {
    return this.#pods
  }

  close(): void {
    this.#watch?.close()
  }

  /** Never rejects. */
  async #look(names: ReadonlySet<string>): Promise<void> {
    const { folder } = this.#options
    let problem: Problem | undefined
    try {
      const reading = await readFolder(folder, this.#signatures, names)
      for (const name of [...this.#files.keys()]) if (!reading.names.includes(name)) this.#forget(name)
      for (const file of reading.changed) {
        this.#signatures.set(file.name, file.signature)
        this.#files.set(file.name, await this.#parse(file))
      }
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      if (isMissing) for (const name of [...this.#files.keys()]) this.#forget(name)
      else
        problem = {
          place: folder,
          reason: `the folder of static pods cannot be read: ${errorMessage(error)}`,
          remedy: 'its last state stays in force',
          severity: 'error',
        }
    }
    this.#say(problem)
  }

  #forget(name: string): void {
    this.#files.delete(name)
    this.#signatures.delete(name)
  }

  async #parse({ name, bytes }: ReadFile): Promise<PodFile> {
    const before = this.#files.get(name)
    const seen = before?.seen ?? new Date(this.#options.now()).toISOString()
    const content = bytes instanceof Error ? bytes : await readDocuments(bytes, new Pacer())
    if (content instanceof Error || content.kind === 'broken')
      return { seen, pods: before?.pods ?? [], problems: faults(name, content) }
    const pods: StaticPod[] = []
    const problems: Problem[] = []
    for (const document of content.documents) {
      const read = parseStaticPod(document.value, { nodeName: this.#options.nodeName, file: name, seen })
      for (const { path, reason, severity } of read.problems) {
        const { line, column } = document.locate(path)
        const field = path.length === 0 ? '' : `${formatPath(path)} `
        problems.push({
          place: `${name}:${line}:${column}`,
          reason: `${field}${reason}`,
          severity: severity === 'error' ? 'error' : 'warning',
        })
      }
      if (read.value !== undefined) pods.push(read.value)
    }
    const isBroken = problems.some(({ severity }) => severity === 'error')
    return { seen, pods: isBroken && before !== undefined ? before.pods : pods, problems }
  }

  /** Of two files with a pod of one name, the first in order has it. */
  #say(problem: Problem | undefined): void {
    const pods = new Map<ObjectName, StaticPod>()
    for (const [, file] of [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1)))
      for (const it of file.pods) if (!pods.has(it.pod.name)) pods.set(it.pod.name, it)
    const changes: Change[] = []
    for (const name of this.#pods.keys())
      if (!pods.has(name)) changes.push({ kind: 'Pod', name, object: undefined })
    for (const [name, { pod }] of pods)
      if (!isDeepStrictEqual(this.#pods.get(name)?.pod, pod)) changes.push({ kind: 'Pod', name, object: pod })
    const problems = [
      ...(problem === undefined ? [] : [problem]),
      ...[...this.#files.values()].flatMap((it) => it.problems),
    ]
    const isNews = !this.#said || changes.length > 0 || !isDeepStrictEqual(problems, this.#problems)
    this.#pods = pods
    this.#problems = problems
    this.#said = true
    if (isNews) this.#options.onUpdate({ changes, problems })
  }
}

function faults(name: string, content: Error | Extract<FileContent, { kind: 'broken' }>): readonly Problem[] {
  const remedy = 'its last good state stays in force'
  if (content instanceof Error)
    return [{ place: name, reason: `cannot be read: ${content.message}`, remedy, severity: 'error' }]
  return content.faults.map(({ line, column, reason }) => ({
    ...{ place: `${name}:${line}:${column}`, reason, remedy, severity: 'error' },
  }))
}
