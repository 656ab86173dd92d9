import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importArchive } from '../../src/kubelet/images/import-archive.ts'
import { buildPauseImage, pauseImageName } from '../../src/kubelet/images/pause-image.ts'
import { PrivateContainerd } from '../../src/kubelet/runtime/private-containerd.ts'
import { parseCidr } from '../../src/util/address.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { freshNetns } from '../netns.ts'
import { packageRoot } from '../package-root.ts'
import type { Teardown } from '../teardown.ts'

/** In a namespace of its own, so that it may be in use elsewhere on this machine. */
const podCidr = '10.88.0.0/16'

/** A container runtime that only this run knows of. */
export interface BenchRuntime {
  readonly endpoint: string
  /** Absolute; removed with everything below it. */
  readonly folder: string
}

/** Starts a private containerd with the pause image in it, in a fresh network namespace. */
export async function startRuntime(teardown: Teardown): Promise<BenchRuntime> {
  const cidr = parseCidr(podCidr)
  if (cidr === undefined) throw new RangeError(`${podCidr} is no CIDR`)
  const folder = mkdtempSync(join(tmpdir(), 'hw-bench-'))
  teardown.add(() => rm(folder, { recursive: true, force: true }))
  const netns = await freshNetns(teardown)
  const starting = PrivateContainerd.start({
    stateDir: folder,
    podCidr: cidr,
    sandboxImage: pauseImageName,
    netns: netns.path,
    log: silentLogger,
  })
  teardown.add(() =>
    starting.then(
      (started) => started.stop(),
      () => undefined,
    ),
  )
  const containerd = await starting
  const archive = join(folder, 'pause.tar')
  await buildPauseImage(packageRoot, archive)
  const importing = importArchive(containerd.socket, archive)
  // An importer outlives the containerd that it talks to, so it goes first.
  teardown.add(() =>
    importing.then(
      () => undefined,
      () => undefined,
    ),
  )
  await importing
  return { endpoint: containerd.endpoint, folder }
}
