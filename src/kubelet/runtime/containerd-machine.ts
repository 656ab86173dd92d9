import { constants } from 'node:fs'
import { access, statfs } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { PrivateContainerdError } from './private-containerd-error.ts'

/** Where distributions and the CNI project itself put the plugins. */
const CNI_FOLDERS = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni']
const CNI_PLUGINS = ['ptp', 'host-local', 'loopback']

/** `struct sockaddr_un` holds 108 bytes with the final zero (unix(7)); containerd appends `.ttrpc` for its second socket. */
const SOCKET_PATH_BYTES = 107 - '.ttrpc'.length

const OVERLAYFS_MAGIC = 0x794c7630

/** The programs a private containerd needs. Throws a PrivateContainerdError that names the package to install. */
export async function findContainerd(): Promise<{ containerd: string; cniBinDir: string }> {
  const [containerd, runc] = await Promise.all([findProgram('containerd'), findProgram('runc')])
  if (containerd === undefined || runc === undefined) {
    const missing = containerd === undefined ? 'containerd' : 'runc'
    throw new PrivateContainerdError(
      'CONTAINERD_MISSING',
      `starting a private containerd: ${missing} is not installed ` +
        '(apt-get install --no-install-recommends containerd runc containernetworking-plugins, ' +
        'or give --container-runtime-endpoint)',
    )
  }
  for (const folder of CNI_FOLDERS) {
    const there = await Promise.all(CNI_PLUGINS.map((plugin) => isExecutable(join(folder, plugin))))
    if (there.every(Boolean)) return { containerd, cniBinDir: folder }
  }
  throw new PrivateContainerdError(
    'CNI_PLUGINS_MISSING',
    `starting a private containerd: no CNI plugins ${CNI_PLUGINS.join(', ')} in ${CNI_FOLDERS.join(', ')} ` +
      '(apt-get install --no-install-recommends containernetworking-plugins)',
  )
}

/** Throws a PrivateContainerdError when the kernel could not bind the socket. */
export function checkSocketPath(socket: string): void {
  const bytes = Buffer.byteLength(socket)
  if (bytes <= SOCKET_PATH_BYTES) return
  throw new PrivateContainerdError(
    'SOCKET_PATH_TOO_LONG',
    `starting a private containerd: its socket ${socket} would have ${bytes} bytes, ` +
      `${SOCKET_PATH_BYTES} is what the kernel takes (choose a shorter state folder)`,
  )
}

/** overlayfs cannot lie on overlayfs (a container's own root file system): copy layers there. */
export async function chooseSnapshotter(folder: string): Promise<'overlayfs' | 'native'> {
  return (await statfs(folder)).type === OVERLAYFS_MAGIC ? 'native' : 'overlayfs'
}

/** PATH with the sbin folders, which Debian leaves out for ordinary users and `su`: runc lies there. */
export const programPath = (): string =>
  [process.env.PATH ?? '', '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter)

async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of programPath().split(delimiter)) {
    if (folder !== '' && (await isExecutable(join(folder, name)))) return join(folder, name)
  }
  return undefined
}

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
