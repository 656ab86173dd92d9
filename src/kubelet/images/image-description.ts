import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { type Document, isNode, LineCounter, parseDocument } from 'yaml'
import { ImageBuildError, systemReason } from './build-error.ts'

const absolutePath = v.pipe(
  v.string(),
  v.regex(/^\/[^\0]*[^/\0]$/, 'must be an absolute path inside the image'),
  v.check((path) => !path.split('/').includes('..'), 'must not contain ..'),
)

const file = v.strictObject({
  source: v.pipe(v.string(), v.nonEmpty('must name a file')),
  path: absolutePath,
  mode: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o7777)), 0o755),
  links: v.optional(v.array(absolutePath), []),
})

const port = v.pipe(v.string(), v.regex(/^\d{1,5}\/(tcp|udp|sctp)$/, 'must look like 8080/tcp'))

const schema = v.strictObject({
  name: v.optional(v.string()),
  entrypoint: v.optional(v.array(v.string()), []),
  cmd: v.optional(v.array(v.string()), []),
  env: v.optional(v.record(v.string(), v.string()), {}),
  workingDir: v.optional(absolutePathOrRoot(), '/'),
  user: v.optional(v.string(), ''),
  ports: v.optional(v.array(port), []),
  files: v.optional(v.array(file), []),
})

function absolutePathOrRoot() {
  return v.union([v.literal('/'), absolutePath], 'must be an absolute path inside the image')
}

/**
 * image.yaml: the names are those of the OCI image configuration in camel case. Each of `files` is copied from
 * `source`, a path on this machine, relative to the folder where it is not absolute, to `path` in the image, with
 * `mode` (0o755 by default); `links` are symbolic links to it.
 */
export type ImageDescription = Omit<v.InferOutput<typeof schema>, 'name'> & {
  readonly name: { readonly value: string; readonly place: string } | undefined
}

/** Reads `image.yaml` in a folder. Throws an ImageBuildError that names the line. */
export async function parseImageDescription(
  directory: string,
): Promise<{ readonly description: ImageDescription; readonly file: string }> {
  const path = join(directory, 'image.yaml')
  const lines = new LineCounter()
  const document = parseDocument(await readText(path), { lineCounter: lines, prettyErrors: false })
  const [syntaxError] = document.errors
  if (syntaxError !== undefined) {
    const line = lines.linePos(syntaxError.pos[0]).line
    throw invalid(`${path}:${line}`, syntaxError.message, 'correct the YAML')
  }

  const result = v.safeParse(schema, document.toJS())
  if (result.success) {
    const { name, ...rest } = result.output
    const place = `${path}:${lineOf(document, lines, ['name'])}`
    return {
      description: { ...rest, name: name === undefined ? undefined : { value: name, place } },
      file: path,
    }
  }
  const [issue] = result.issues
  const keys = issue.path?.map((item) => item.key) ?? []
  const field = keys.length === 0 ? '' : `${keys.join('.')}: `
  throw invalid(
    `${path}:${lineOf(document, lines, keys)}`,
    field + issue.message,
    'see `hawser image build --help`',
  )
}

async function readText(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (error) {
    if (error instanceof TypeError) throw invalid(path, 'is not UTF-8 text', 'save it as UTF-8')
    throw invalid(
      path,
      systemReason(error),
      'an image folder holds an image.yaml that says what goes into the image',
    )
  }
}

/** The line of the node at `keys`, or of the nearest one above it that is there. */
function lineOf(document: Document, lines: LineCounter, keys: readonly unknown[]): number {
  for (let length = keys.length; length > 0; length--) {
    const node = document.getIn(keys.slice(0, length), true)
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
  }
  return 1
}

const invalid = (place: string, reason: string, remedy: string): ImageBuildError =>
  new ImageBuildError('IMAGE_DESCRIPTION_INVALID', { place, reason, remedy })
