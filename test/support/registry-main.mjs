// Serves the images of OCI layouts (image-spec, image-layout.md) as a registry does, read-only:
// `node registry-main.mjs PORT LAYOUT_FOLDER…`. Names below private/ are for the user `robot` with the password `secret`
// (RFC 7617), all others for everybody. Any name gets the one image of the layout that the tag numbers, from 1.
// Prints every request as a line.
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'

const [port, ...layouts] = process.argv.slice(2)

const ROBOT = `Basic ${Buffer.from('robot:secret').toString('base64')}`

async function findBlob(digest) {
  for (const layout of layouts) {
    const file = join(layout, 'blobs', digest.replace(':', '/'))
    const size = await stat(file).then(
      (stats) => stats.size,
      () => undefined,
    )
    if (size !== undefined) return { file, size }
  }
  return undefined
}

async function answer(request, response) {
  const url = request.url ?? ''
  console.log(`${request.method} ${url}`)
  const [, kind, reference = ''] = /^\/v2\/.+\/(manifests|blobs)\/([^/?]+)/.exec(url) ?? []
  if (url.startsWith('/v2/private/') && request.headers.authorization !== ROBOT)
    return response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="private"' }).end()
  if (kind === undefined) return response.writeHead(url === '/v2/' ? 200 : 404).end()
  let digest = reference
  if (!reference.includes(':')) {
    const layout = layouts[Number(reference) - 1]
    if (layout === undefined) return response.writeHead(404).end()
    digest = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')).manifests[0].digest
  }
  const blob = await findBlob(digest)
  if (blob === undefined) return response.writeHead(404).end()
  const type =
    kind === 'manifests' ? 'application/vnd.oci.image.manifest.v1+json' : 'application/octet-stream'
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Length': blob.size,
    'Docker-Content-Digest': digest,
  })
  if (request.method === 'HEAD') response.end()
  else createReadStream(blob.file).pipe(response)
}

createServer((request, response) => {
  answer(request, response).catch((error) => response.writeHead(500).end(String(error)))
}).listen(Number(port), '127.0.0.1', () => console.log('ready'))
