import { createReadStream } from 'node:fs'
import { extract } from 'tar-stream'
import * as v from 'valibot'

/** One image of an OCI archive. */
export interface ArchivedName {
  /** `localhost/web:1`. */
  readonly name: string
  /** Digest of the image's configuration: what CRI calls the image's ID. */
  readonly configDigest: string
}

const index = v.object({
  manifests: v.array(
    v.object({
      digest: v.string(),
      annotations: v.optional(v.record(v.string(), v.string()), {}),
    }),
  ),
})
const manifest = v.object({ config: v.object({ digest: v.string() }) })

/** Larger blobs are layers, never manifests (the distribution specification's limit for a manifest). */
const MANIFEST_BYTES = 4 << 20

/**
 * The names in an OCI archive (image-spec, image-layout.md), from `io.containerd.image.name`. Undefined when some image
 * in it cannot be told beforehand: an archive of another layout, an index of several platforms, a manifest unnamed.
 */
export async function readArchiveContents(file: string): Promise<readonly ArchivedName[] | undefined> {
  const documents = await readDocuments(file)
  const parsedIndex = v.safeParse(index, documents.get('index.json'))
  if (!parsedIndex.success) return undefined
  const names: ArchivedName[] = []
  for (const { digest, annotations } of parsedIndex.output.manifests) {
    const name = annotations['io.containerd.image.name']
    const parsed = v.safeParse(manifest, documents.get(`blobs/${digest.replace(':', '/')}`))
    if (name === undefined || !parsed.success) return undefined
    names.push({ name, configDigest: parsed.output.config.digest })
  }
  return names
}

/** Every small JSON file of a tar archive by its path. */
async function readDocuments(file: string): Promise<ReadonlyMap<string, unknown>> {
  const documents = new Map<string, unknown>()
  const entries = extract()
  const source = createReadStream(file).on('error', (error) => entries.destroy(error))
  source.pipe(entries)
  for await (const entry of entries) {
    if ((entry.header.size ?? 0) <= MANIFEST_BYTES) {
      const value = parseJson(await readText(entry))
      if (value !== undefined) documents.set(entry.header.name.replace(/^\.\//, ''), value)
    } else {
      entry.resume()
    }
  }
  return documents
}

async function readText(stream: AsyncIterable<unknown>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) if (chunk instanceof Uint8Array) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function parseJson(text: string): unknown {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
