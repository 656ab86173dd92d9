import { isAbsolute, join, resolve } from 'node:path'
import { normalize } from 'node:path/posix'
import type { LayerEntry } from './archive/layer-entry.ts'
import { ImageBuildError } from './build-error.ts'
import type { Image } from './image.ts'
import { type ImageDescription, parseImageDescription } from './image-description.ts'
import { readRootfs } from './rootfs.ts'

/**
 * Reads the folder that an image is built from:
 *
 * ```
 * image.yaml    what the image is called, what it runs, and what it takes from elsewhere (ImageDescription)
 * rootfs/       optional; becomes the image's root file system as it is
 * ```
 *
 * Owners and times are not kept, and of the mode only whether a file is executable, so that a clone of a repository
 * gives the same image as the original; an entry of `files:` can set any mode. `files:` win over `rootfs/`.
 *
 * Throws an ImageBuildError. Sources are opened only when the image is written.
 */
export async function readImageFolder(directory: string, name?: string): Promise<Image> {
  const { description, file } = await parseImageDescription(directory)
  const named = name === undefined ? description.name : { value: name, place: `name ${JSON.stringify(name)}` }
  if (named === undefined) {
    throw new ImageBuildError('IMAGE_DESCRIPTION_INVALID', {
      place: file,
      reason: 'says no name, and none was given',
      remedy: 'add `name: localhost/NAME:TAG`, or give one with -t',
    })
  }
  checkName(named.value, named.place)
  return {
    name: named.value,
    entrypoint: description.entrypoint,
    cmd: description.cmd,
    env: Object.entries(description.env).map(([variable, value]) => `${variable}=${value}`),
    workingDir: description.workingDir,
    user: description.user,
    exposedPorts: description.ports,
    entries: merge(await readRootfs(join(directory, 'rootfs')), filesOf(description, directory)),
  }
}

/**
 * A name without a registry is another name to the runtime (`web:1` becomes `docker.io/library/web:1`), and one without
 * a tag means `latest`, which Kubernetes always pulls: either way, the image just built would not be found.
 * The grammar is distribution/reference's.
 */
function checkName(name: string, place: string): void {
  const registry = /[a-z0-9-]+(?:\.[a-z0-9-]+)+|localhost|[a-z0-9.-]+:\d+/
  const path = /(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)+/
  const tag = /:\w[\w.-]{0,127}/
  if (new RegExp(`^(?:${registry.source})(?::\\d+)?${path.source}${tag.source}$`).test(name)) return
  throw new ImageBuildError('IMAGE_DESCRIPTION_INVALID', {
    place,
    reason: `${JSON.stringify(name)} is not a whole image name`,
    remedy: 'use registry/name:tag in lower case, such as localhost/web:1',
  })
}

function filesOf(description: ImageDescription, directory: string): readonly LayerEntry[] {
  return description.files.flatMap(({ source, path, mode, links }): LayerEntry[] => {
    const target = normalize(path)
    return [
      {
        kind: 'file',
        path: target,
        mode,
        source: isAbsolute(source) ? source : resolve(directory, source),
      },
      ...links.map((link): LayerEntry => ({ kind: 'symlink', path: normalize(link), target })),
    ]
  })
}

/** Both lists; where they name the same path, `over` wins. */
function merge(under: readonly LayerEntry[], over: readonly LayerEntry[]): readonly LayerEntry[] {
  const byPath = new Map([...under, ...over].map((entry) => [entry.path, entry]))
  return [...byPath.values()]
}
