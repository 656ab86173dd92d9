import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { extract, type Header } from 'tar-stream'

export interface TarMember {
  readonly header: Header
  readonly bytes: Buffer
}

/** Every member of a tar archive, in order. */
export async function membersOf(archive: Buffer): Promise<readonly TarMember[]> {
  const members: TarMember[] = []
  const reader = extract()
  Readable.from([archive]).pipe(reader)
  for await (const entry of reader) {
    const chunks: Buffer[] = []
    for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk))
    members.push({ header: entry.header, bytes: Buffer.concat(chunks) })
  }
  return members
}

export const digestOf = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Reads an archive as a runtime does: from the index by digests to manifest, configuration and layer. */
export async function readArchive(file: string) {
  const members = await membersOf(readFileSync(file))
  const member = (path: string): Buffer => {
    const found = members.find(({ header }) => header.name === path)
    if (found === undefined) throw new Error(`the archive has no ${path}`)
    return found.bytes
  }
  const blob = (digest: string): Buffer => member(`blobs/${digest.replace(':', '/')}`)
  const layout = JSON.parse(member('oci-layout').toString())
  const [descriptor] = JSON.parse(member('index.json').toString()).manifests
  const manifest = JSON.parse(blob(descriptor.digest).toString())
  const config = JSON.parse(blob(manifest.config.digest).toString())
  const layer = blob(manifest.layers[0].digest)
  return { members, layout, descriptor, manifest, config, layer, layerMembers: await membersOf(layer) }
}
