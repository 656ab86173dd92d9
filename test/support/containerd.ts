import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importArchive } from '../../src/kubelet/images/import-archive.ts'
import { PrivateContainerd } from '../../src/kubelet/runtime/private-containerd.ts'
import { parseCidr } from '../../src/util/address.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { TEST_PAUSE_IMAGE, writeTestImages } from './containerd-images.ts'

/** A private containerd in a state folder and a network namespace of its own, with the test images in it. */
export interface TestContainerd {
  readonly containerd: PrivateContainerd
  readonly stateDir: string
  /** Name of the network namespace that the pods' links lie in, for `ip netns`. */
  readonly netns: string
  readonly netnsPath: string
  /** Starts (or adopts) it again, as the next Hawser would. */
  again(): Promise<PrivateContainerd>
  /** Removes everything, pods included. */
  remove(): Promise<void>
}

export const TEST_POD_CIDR = '10.133.0.0/24'

export async function startTestContainerd(): Promise<TestContainerd> {
  const stateDir = await mkdtemp(join(tmpdir(), 'hw-'))
  const netns = `hw-${randomBytes(4).toString('hex')}`
  const netnsPath = `/run/netns/${netns}`
  execFileSync('ip', ['netns', 'add', netns])
  execFileSync('ip', ['-n', netns, 'link', 'set', 'lo', 'up'])
  const podCidr = parseCidr(TEST_POD_CIDR)
  if (podCidr === undefined) throw new Error('TEST_POD_CIDR is none')
  const options = { stateDir, podCidr, sandboxImage: TEST_PAUSE_IMAGE, netns: netnsPath, log: silentLogger }
  const start = () => PrivateContainerd.start(options)
  const cleanUp = async () => {
    if (existsSync(netnsPath)) execFileSync('ip', ['netns', 'del', netns])
    await rm(stateDir, { recursive: true, force: true })
  }
  try {
    let containerd = await start()
    for (const archive of await writeTestImages(stateDir)) await importArchive(containerd.socket, archive)
    return {
      get containerd() {
        return containerd
      },
      stateDir,
      netns,
      netnsPath,
      again: async () => {
        containerd.detach()
        containerd = await start()
        return containerd
      },
      remove: async () => {
        await containerd.stop()
        await cleanUp()
      },
    }
  } catch (error) {
    await cleanUp()
    throw error
  }
}
