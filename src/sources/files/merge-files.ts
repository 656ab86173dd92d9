import type { Problem } from '../../model/problem.ts'
import type { FileObject, ManifestFile } from './parse-file.ts'

/** All files taken together. */
export interface Folder {
  /** Objects by label, each from the first file that has it. */
  readonly objects: ReadonlyMap<string, FileObject>
  readonly problems: readonly Problem[]
}

/**
 * Takes files together in the order of their names, so that the outcome is the same whatever the order in which they
 * came: of two objects with one name, the one of the first file holds.
 */
export function mergeFiles(files: Iterable<ManifestFile>): Folder {
  const objects = new Map<string, FileObject>()
  const problems: Problem[] = []
  for (const file of [...files].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    problems.push(...file.problems)
    for (const object of file.objects) {
      const first = objects.get(object.label)
      if (first === undefined) objects.set(object.label, object)
      else
        problems.push({
          place: object.place,
          reason: `${object.label} is already defined in ${first.place}, which holds`,
          remedy: 'remove or rename one of them',
          severity: 'error',
        })
    }
  }
  return { objects, problems }
}
