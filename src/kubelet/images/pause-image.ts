import { join } from 'node:path'
import { type BuiltImage, writeImage } from './build.ts'

/** What a private containerd's configuration names as `sandbox_image`. */
export const pauseImageName = 'localhost/hawser/pause:1'

/**
 * Writes the archive of the image that every pod's sandbox runs: the pause program (native/pause), which the build
 * leaves in build/pause, and nothing else. Throws an ImageBuildError when the program has not been built.
 *
 * @param packageRoot the folder that holds package.json and build/
 */
export function buildPauseImage(packageRoot: string, file: string): Promise<BuiltImage> {
  return writeImage(
    {
      name: pauseImageName,
      entrypoint: ['/pause'],
      cmd: [],
      env: [],
      workingDir: '/',
      // Nobody: it needs no right at all.
      user: '65535:65535',
      exposedPorts: [],
      entries: [{ kind: 'file', path: '/pause', mode: 0o755, source: join(packageRoot, 'build', 'pause') }],
    },
    file,
  )
}
