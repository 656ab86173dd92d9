// npm run image: the image of `hawser proxy` as an OCI archive, made by the project's own image builder.
//
//   -o, --output FILE   where to write it, hawser-proxy.tar by default
//   -t, --tag NAME      what it is called, localhost/hawser/proxy:VERSION by default
//   --rootfs DIR        its root file system as a folder instead, for other builders
//
// It holds this machine's node and the libraries that it loads, the compiled command, the addon, and the npm packages
// that they use: nothing that anybody could log in with.
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildEverything } from './build/everything.mjs'
import { proxyImage } from './build/proxy-image.mjs'
import { runMain } from './setup/failure.mjs'
import { checkPlatform } from './setup/machine.mjs'
import { inRoot } from './setup/places.mjs'

await runMain(async () => {
  checkPlatform()
  const { version } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'))
  const { values } = parseArgs({
    options: {
      output: { type: 'string', short: 'o', default: 'hawser-proxy.tar' },
      tag: { type: 'string', short: 't', default: `localhost/hawser/proxy:${version}` },
      rootfs: { type: 'string' },
    },
  })
  await buildEverything()
  const image = await proxyImage(values.tag)
  if (values.rootfs !== undefined) return unpack(image.entries, resolve(values.rootfs))
  const { writeImage } = await import(inRoot('dist', 'src', 'kubelet', 'images', 'build.js'))
  const built = await writeImage(image, resolve(values.output))
  process.stdout.write(`${built.name} is in ${built.file}\n`)
})

function unpack(entries, folder) {
  for (const entry of entries) {
    const path = join(folder, entry.path)
    mkdirSync(dirname(path), { recursive: true })
    if (entry.kind === 'directory') mkdirSync(path, { recursive: true })
    else if (entry.kind === 'symlink') symlinkSync(entry.target, path)
    else cpSync(entry.source, path)
  }
}
