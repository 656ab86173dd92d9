import type { Image } from '../image.ts'
import { type Blob, blobOf } from './blob.ts'
import { addEntry, addFile, writeTar } from './tar.ts'

/** The digests that an image in an archive is known by. */
export interface ArchivedImage {
  /** Of the manifest: what `image@sha256:…` means. */
  readonly digest: string
  /** Of the configuration: the image ID that CRI reports. */
  readonly id: string
}

const mediaType = (what: 'manifest' | 'config' | 'layer') =>
  what === 'layer' ? 'application/vnd.oci.image.layer.v1.tar' : `application/vnd.oci.image.${what}.v1+json`

/**
 * Writes an OCI image layout as a tar archive to the new file `file` (OCI image-spec, image-layout.md). The result is
 * a function of the arguments: the same image and layer give the same bytes.
 *
 * `layer` is the digest and size of the uncompressed layer in `layerFile`.
 */
export async function writeOciArchive(
  image: Image,
  architecture: string,
  layer: Blob,
  layerFile: string,
  file: string,
): Promise<ArchivedImage> {
  const config = json(imageConfig(image, architecture, layer))
  const manifest = json({
    schemaVersion: 2,
    mediaType: mediaType('manifest'),
    config: { mediaType: mediaType('config'), ...blobOf(config) },
    layers: [{ mediaType: mediaType('layer'), ...layer }],
  })
  const index = json({
    schemaVersion: 2,
    manifests: [
      {
        mediaType: mediaType('manifest'),
        ...blobOf(manifest),
        platform: { architecture, os: 'linux' },
        // The first is containerd's own, and carries the whole name; the second is the specification's, a tag.
        annotations: {
          'io.containerd.image.name': image.name,
          'org.opencontainers.image.ref.name': image.name.slice(image.name.lastIndexOf(':') + 1),
        },
      },
    ],
  })

  const plain = { type: 'file', mode: 0o644 } as const
  await writeTar(file, async (pack) => {
    await addEntry(pack, { name: 'oci-layout', ...plain }, json({ imageLayoutVersion: '1.0.0' }))
    await addEntry(pack, { name: 'index.json', ...plain }, index)
    for (const bytes of [manifest, config]) {
      await addEntry(pack, { name: blobPath(blobOf(bytes)), ...plain }, bytes)
    }
    await addFile(pack, { name: blobPath(layer), ...plain }, layerFile, layer.size)
  })
  return { digest: blobOf(manifest).digest, id: blobOf(config).digest }
}

function imageConfig(image: Image, architecture: string, layer: Blob): object {
  return {
    architecture,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Entrypoint: image.entrypoint,
      Cmd: image.cmd,
      Env: image.env,
      WorkingDir: image.workingDir,
      User: image.user,
      ExposedPorts: Object.fromEntries(image.exposedPorts.map((port) => [port, {}])),
      // The runtime knows an image by the digest of this text: two names for the same content must not become one
      // image, or removing one would remove the other.
      Labels: { 'org.opencontainers.image.ref.name': image.name },
    },
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'hawser image build' }],
  }
}

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value))

const blobPath = (blob: Blob): string => `blobs/${blob.digest.replace(':', '/')}`
