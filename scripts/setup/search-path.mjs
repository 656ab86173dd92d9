import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/**
 * Folders to look for programs in: PATH, and the sbin folders beside it. A root shell made by plain `su` keeps the
 * user's PATH, which on Debian has no sbin, and then containerd finds neither runc nor iptables.
 */
export function searchPath() {
  const folders = (process.env.PATH ?? '').split(':').filter((folder) => folder !== '')
  for (const folder of ['/usr/local/sbin', '/usr/sbin', '/sbin']) {
    if (!folders.includes(folder)) folders.push(folder)
  }
  return folders
}

/** @returns {string | undefined} the path of an executable of that name */
export function findProgram(name) {
  return searchPath()
    .map((folder) => join(folder, name))
    .find(isExecutable)
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
