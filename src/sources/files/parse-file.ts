import { createHash } from 'node:crypto'
import type { Change } from '../../model/change.ts'
import type { Problem } from '../../model/problem.ts'
import type { Pacer } from '../../util/pacer.ts'
import { formatPath, type ObjectPath } from '../objects/object-path.ts'
import { type ManifestObject, type ParsedManifest, parseManifest } from '../objects/parse-manifest.ts'
import type { ObjectProblem } from '../objects/parsed.ts'
import { uidOf } from './content-hash.ts'
import { deploymentPods } from './deployment-pods.ts'
import { readDocuments } from './read-documents.ts'

/** One object of a file, as what it comes to in the model: itself, or a Deployment's pods. */
export interface FileObject {
  /** `Service default/web`: its identity over all files. */
  readonly label: string
  /** `web.yaml:3`. */
  readonly place: string
  readonly changes: readonly Change[]
}

/** What a file says, and what is wrong with it. */
export interface ManifestFile {
  readonly name: string
  readonly digest: string
  readonly objects: readonly FileObject[]
  readonly problems: readonly Problem[]
}

export interface ParseOptions {
  readonly nodeName: string
  /** What the file was before. */
  readonly previous: ManifestFile | undefined
  /** Long files share the event loop by it. */
  readonly pacer: Pacer
}

/**
 * Reads a file. What cannot be read keeps its last good state, taken from `previous`: the whole file when it is no
 * YAML, a single object when only that is wrong.
 */
export async function parseFile(
  name: string,
  bytes: Uint8Array,
  { nodeName, previous, pacer }: ParseOptions,
): Promise<ManifestFile> {
  const digest = createHash('sha256').update(bytes).digest('hex')
  const content = await readDocuments(bytes, pacer)
  if (content.kind === 'broken') {
    const kept = previous?.objects ?? []
    const problems = content.faults.map(({ line, column, reason }) =>
      fault(`${name}:${line}:${column}`, reason, kept.length > 0),
    )
    return { name, digest, objects: kept, problems }
  }
  const objects: FileObject[] = []
  const problems: Problem[] = []
  for (const document of content.documents) {
    if (pacer.due()) await pacer.pause()
    for (const manifest of parseManifest(document.value)) {
      const place = (path: ObjectPath, withColumn: boolean): string => {
        const at = document.locate([...manifest.path, ...path])
        return withColumn ? `${name}:${at.line}:${at.column}` : `${name}:${at.line}`
      }
      const kept = previous?.objects.find((object) => object.label === manifest.label)
      const failed = manifest.problems.some((problem) => problem.severity !== 'warning')
      for (const problem of manifest.problems)
        problems.push(toProblem(place(problem.path, true), manifest, problem, kept !== undefined))
      if (failed && kept !== undefined) objects.push(kept)
      if (!failed && manifest.object === undefined && manifest.problems.length === 0)
        problems.push(meaningless(place([], true), manifest.label))
      if (!failed && manifest.object !== undefined)
        objects.push({
          label: manifest.label,
          place: place([], false),
          changes: toChanges(manifest.object, manifest.written, nodeName),
        })
    }
  }
  return { name, digest, objects, problems }
}

function toChanges(object: ManifestObject, written: unknown, nodeName: string): readonly Change[] {
  switch (object.kind) {
    case 'Deployment':
      return deploymentPods(object.value, nodeName).map((pod) => ({
        kind: 'Pod',
        name: pod.name,
        object: pod,
      }))
    case 'Pod': {
      const pod = { ...object.value, uid: uidOf([nodeName, written]) }
      return [{ kind: 'Pod', name: pod.name, object: pod }]
    }
    case 'Service':
      return [{ kind: 'Service', name: object.value.name, object: object.value }]
    case 'EndpointSlice':
      return [{ kind: 'EndpointSlice', name: object.value.name, object: object.value }]
    case 'ConfigMap':
    case 'Secret':
      return [{ kind: object.kind, name: object.value.name, object: object.value }]
  }
}

function toProblem(place: string, manifest: ParsedManifest, problem: ObjectProblem, kept: boolean): Problem {
  const field = problem.path.length === 0 ? '' : `${formatPath(problem.path)} `
  const reason = `${manifest.label}: ${field}${problem.reason}`
  // What this node cannot do is as wrong in its own folder as what nobody can.
  const severity = problem.severity === 'warning' ? 'warning' : 'error'
  const { remedy } = problem
  if (severity === 'error' && remedy === undefined) return fault(place, reason, kept)
  return { place, reason, severity, ...(remedy === undefined ? {} : { remedy }) }
}

const fault = (place: string, reason: string, kept: boolean): Problem => ({
  place,
  reason,
  severity: 'error',
  ...(kept ? { remedy: 'the last good state stays in force' } : {}),
})

const meaningless = (place: string, label: string): Problem => ({
  place,
  reason: `${label} has no effect here: it is headless, an ExternalName or another proxy's`,
  severity: 'warning',
})
