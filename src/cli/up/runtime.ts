import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { importArchive } from '../../kubelet/images/import-archive.ts'
import { buildPauseImage, pauseImageName } from '../../kubelet/images/pause-image.ts'
import { archivesOf } from '../../kubelet/images/private-images.ts'
import { PrivateContainerd } from '../../kubelet/runtime/private-containerd.ts'
import type { Logger } from '../../util/logger.ts'
import { CommandError } from '../command-error.ts'
import { packageRoot } from '../package-info.ts'
import type { Teardown } from '../process/teardown.ts'
import type { UpConfig } from './up-config.ts'

/** What starting a part of the node takes from its surroundings. */
export interface Surroundings {
  readonly teardown: Teardown
  readonly say: (text: string) => void
  readonly log: Logger
  /** Aborted when the run is to end: what has not begun does not begin. */
  readonly signal: AbortSignal
}

/**
 * The container runtime with the images that the folder brings along: the one that was named, or a private containerd,
 * started or adopted. Resolves to its CRI endpoint.
 */
export async function prepareRuntime(config: UpConfig, around: Surroundings): Promise<string> {
  const endpoint = config.runtimeEndpoint ?? (await privateContainerd(config, around))
  const socket = endpoint.slice('unix://'.length)
  if (!existsSync(socket))
    throw new CommandError('RUNTIME_ABSENT', `there is no container runtime at ${endpoint}`, {
      remedy: 'start it, or leave --container-runtime-endpoint out',
    })
  const images = join(config.stateDir, 'images')
  await mkdir(images, { recursive: true })
  const archives = [...(await archivesOf(config.folder, images))]
  if (config.runtimeEndpoint === undefined)
    archives.unshift((await buildPauseImage(packageRoot, join(images, 'pause.tar'))).file)
  for (const archive of archives) {
    around.signal.throwIfAborted()
    if (await importArchive(socket, archive)) around.say(`Imported the images of ${basename(archive)}`)
  }
  return endpoint
}

async function privateContainerd(config: UpConfig, { teardown, say, log }: Surroundings): Promise<string> {
  say('Starting a private containerd')
  const containerd = await PrivateContainerd.start({
    stateDir: config.stateDir,
    podCidr: config.podCidr,
    sandboxImage: pauseImageName,
    log,
  })
  teardown.add('the private containerd', () => containerd.stop(), 60_000)
  if (containerd.adopted) say('The private containerd of a former run is still there: going on with it')
  return containerd.endpoint
}
