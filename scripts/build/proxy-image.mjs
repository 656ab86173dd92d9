import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inRoot, root } from '../setup/places.mjs'
import { runProgram } from '../setup/run-program.mjs'

/** Where the package lies in the image. */
const HOME = '/hawser'

/** Dependencies that are there for the build only. */
const BUILD_ONLY = new Set(['cmake-js', 'node-addon-api', 'node-api-headers'])

/** What npm packages hold beside what is run. */
const NOT_RUN =
  /\.(?:md|markdown|map|ts|mts|cts|flow|yml|html|proto)$|^(?:test|tests|__tests__|bench|benchmarks|docs|examples|prebuilds|\.github)$/

/**
 * The image of `hawser proxy`, for the project's image builder.
 *
 * @param {string} name with registry and tag
 * @returns {Promise<import('../../src/kubelet/images/image.ts').Image>}
 */
export async function proxyImage(name) {
  return {
    name,
    entrypoint: ['/usr/local/bin/hawser'],
    cmd: ['proxy'],
    env: ['NODE_ENV=production', 'PATH=/usr/local/bin'],
    workingDir: '/',
    // Runtimes give CAP_NET_ADMIN to root only; all else is dropped where this is deployed.
    user: '0:0',
    exposedPorts: ['10249/tcp', '10256/tcp'],
    entries: await entries(),
  }
}

/** @returns {Promise<readonly import('../../src/kubelet/images/archive/layer-entry.ts').LayerEntry[]>} */
async function entries() {
  const node = realpathSync(process.execPath)
  const addon = inRoot('build', 'Release', 'hawser.node')
  const libraries = new Set([...(await librariesOf(node)), ...(await librariesOf(addon))])
  const folder = join(root, 'dist', 'src')
  return [
    file(node, '/usr/local/bin/node', 0o755),
    ...[...libraries].map((path) => file(realpathSync(path), path, 0o755)),
    file(inRoot('deploy', 'kube-proxy-replacement', 'hawser'), '/usr/local/bin/hawser', 0o755),
    { kind: 'directory', path: '/tmp', mode: 0o1777 },
    { kind: 'directory', path: '/var/lib/hawser', mode: 0o755 },
    ...inPackage([inRoot('package.json'), addon]),
    ...inPackage(
      filesIn(folder, (name) => !name.endsWith('.map')),
      0o644,
    ),
    ...inPackage(runtimePackages().flatMap((path) => filesIn(path, (name) => !NOT_RUN.test(name)))),
  ]
}

const file = (source, path, mode = 0o644) => ({ kind: 'file', path, mode, source })

/** The same places below `HOME` as in the checkout; programs stay programs. */
const inPackage = (paths, mode = 0o644) =>
  paths.map((path) =>
    file(path, join(HOME, path.slice(root.length)), path.endsWith('/cli/main.js') ? 0o755 : mode),
  )

/** Every shared library that a program loads, by the path that the loader finds it at (ldd(1)). */
async function librariesOf(program) {
  const output = await runProgram('ldd', [program])
  return [...output.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = '']) => path)
}

/** Folders of the npm packages that run, with those that they need in turn, as Node finds them. */
function runtimePackages() {
  const found = new Set()
  const add = (name, from) => {
    const path = resolvePackage(name, from)
    if (path === undefined || found.has(path)) return
    found.add(path)
    const { dependencies = {} } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
    for (const needed of Object.keys(dependencies)) add(needed, path)
  }
  const { dependencies } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) if (!BUILD_ONLY.has(name)) add(name, root)
  return [...found]
}

function resolvePackage(name, from) {
  for (let folder = from; folder.startsWith(root); folder = dirname(folder)) {
    const path = join(folder, 'node_modules', name)
    if (existsSync(join(path, 'package.json'))) return path
  }
  return undefined
}

/** Regular files below a folder; packages within packages are found by themselves. */
function filesIn(folder, wanted) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory())
      return entry.name === 'node_modules' || !wanted(entry.name) ? [] : filesIn(path, wanted)
    return entry.isFile() && wanted(entry.name) ? [path] : []
  })
}
