import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { LayerEntry } from '../../src/kubelet/images/archive/layer-entry.ts'
import { writeImage } from '../../src/kubelet/images/build.ts'

const run = promisify(execFile)

/** Programs of this machine that the suite calls in its pods, beside busybox. */
const PROGRAMS = ['bash', 'curl', 'dig', 'nc', 'getent', 'ip', 'printenv', 'ss']

/** `sh` is bash: busybox drops environment names such as `data-1`. */
const APPLETS = [
  ...['cat', 'chmod', 'cut', 'date', 'echo', 'env', 'expr', 'false', 'grep', 'head', 'hostname', 'id', 'ls'],
  ...['mkdir', 'mv', 'nslookup', 'ping', 'printf', 'ps', 'rm', 'sed', 'seq', 'sleep', 'sort', 'stat', 'tail'],
  ...['netstat', 'tar', 'tee', 'test', 'top', 'touch', 'tr', 'true', 'uniq', 'wc', 'wget', 'xargs'],
]

/** What the suite of Kubernetes 1.36 runs, under the names that it asks for; each with an ID of its own. */
const IMAGES: readonly {
  readonly name: string
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
}[] = [
  { name: 'registry.k8s.io/e2e-test-images/agnhost:2.63.0', entrypoint: ['/agnhost'], cmd: ['pause'] },
  { name: 'registry.k8s.io/e2e-test-images/agnhost:2.55', entrypoint: ['/agnhost'], cmd: ['pause'] },
  { name: 'registry.k8s.io/e2e-test-images/busybox:1.37.0-1', entrypoint: [], cmd: ['sh'] },
  { name: 'registry.k8s.io/e2e-test-images/glibc-dns-testing:2.0.0', entrypoint: [], cmd: ['sh'] },
  { name: 'registry.k8s.io/e2e-test-images/nginx:1.15-4', entrypoint: ['/agnhost'], cmd: ['test-webserver'] },
  { name: 'registry.k8s.io/pause:3.10.2', entrypoint: ['/agnhost'], cmd: ['pause'] },
]

/** Archives of all images, written into `folder`: agnhost as upstream's source gives it, and programs of this machine. */
export async function writeConformanceImages(binaries: string, folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true })
  const entries = await rootFileSystem(binaries)
  const files: string[] = []
  for (const [i, { name, entrypoint, cmd }] of IMAGES.entries()) {
    const image = {
      ...{ name, entrypoint, cmd, entries },
      env: ['PATH=/usr/bin:/bin', `IMAGE=${name}`],
      workingDir: '/',
      user: '',
      exposedPorts: [],
    }
    files.push((await writeImage(image, join(folder, `image-${i}.tar`))).file)
  }
  return files
}

async function rootFileSystem(binaries: string): Promise<LayerEntry[]> {
  const file = (path: string, source: string): LayerEntry => ({ kind: 'file', path, mode: 0o755, source })
  const link = (path: string, target: string): LayerEntry => ({ kind: 'symlink', path, target })
  const libraries = new Map<string, string>()
  const programs: LayerEntry[] = []
  for (const name of PROGRAMS) {
    const source = (await run('which', [name])).stdout.trim()
    programs.push(file(`/usr/bin/${name}`, source))
    for (const [path, library] of await librariesOf(source)) libraries.set(path, library)
  }
  return [
    file('/agnhost', join(binaries, 'agnhost')),
    link('/agnhost-2', '/agnhost'),
    ...['localhost.crt', 'localhost.key'].map((name) => file(`/${name}`, join(binaries, name))),
    file('/bin/busybox', '/bin/busybox'),
    ...APPLETS.map((name) => link(`/bin/${name}`, '/bin/busybox')),
    link('/bin/sh', '/usr/bin/bash'),
    link('/bin/bash', '/usr/bin/bash'),
    ...programs,
    ...[...libraries].map(([path, source]) => file(path, source)),
    { kind: 'directory', path: '/tmp', mode: 0o1777 },
    { kind: 'directory', path: '/uploads', mode: 0o777 },
    { kind: 'directory', path: '/etc', mode: 0o755 },
  ]
}

/** Paths as the dynamic linker looks for them, and the files behind; getent loads its own at run time. */
async function librariesOf(program: string): Promise<readonly (readonly [string, string])[]> {
  const { stdout } = await run('ldd', [program])
  const paths = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
  return paths.map((path) => [path, path] as const)
}
