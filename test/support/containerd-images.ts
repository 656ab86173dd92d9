import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { writeImage } from '../../src/kubelet/images/build.ts'

/** Everything the pods of the tests run. */
export const TEST_IMAGE = 'localhost/hawser-test/busybox:1'
export const TEST_PAUSE_IMAGE = 'localhost/hawser-test/pause:1'

const BUSYBOX = '/bin/busybox'
const APPLETS = [
  'sh',
  'cat',
  'echo',
  'env',
  'false',
  'hostname',
  'httpd',
  'ls',
  'mkdir',
  'nc',
  'sleep',
  'stat',
  'tar',
  'touch',
  'true',
  'wget',
]

/** Writes archives of both images into `folder`; their programs are this machine's static busybox. */
export async function writeTestImages(folder: string): Promise<readonly string[]> {
  await access(BUSYBOX).catch(() => {
    throw new Error('the pod tests need /bin/busybox (apt-get install busybox-static)')
  })
  const busybox = { kind: 'file', path: '/bin/busybox', mode: 0o755, source: BUSYBOX } as const
  const links = APPLETS.map(
    (name) => ({ kind: 'symlink', path: `/bin/${name}`, target: '/bin/busybox' }) as const,
  )
  const directory = (path: string, mode: number) => ({ kind: 'directory', path, mode }) as const
  const entries = [
    busybox,
    ...links,
    directory('/etc', 0o755),
    directory('/tmp', 0o1777),
    directory('/www', 0o755),
  ]
  const base = { cmd: [], env: ['PATH=/bin'], workingDir: '/', user: '', exposedPorts: [], entries }
  const images = [
    { ...base, name: TEST_IMAGE, entrypoint: [] },
    // A pause that pod tests need not build first: it never ends by itself.
    { ...base, name: TEST_PAUSE_IMAGE, entrypoint: ['/bin/sleep', '2147483647'] },
  ]
  return Promise.all(
    images.map(async (image, i) => (await writeImage(image, join(folder, `image-${i}.tar`))).file),
  )
}
